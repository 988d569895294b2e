// odr/second.cpp -- the other file, see first.cpp.
#undef NDEBUG
#include <jot.hpp>

std::string second_status_text() { return std::string(jot::status_text(404)); }
