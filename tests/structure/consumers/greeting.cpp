#include <jot.hpp>

std::string greeting() { return std::string(jot::status_text(404)); }
