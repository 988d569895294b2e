// error: jot: from_value<T> needs `void from_value(const jot::Value&, T&)` beside T
#include "jot/from_value.hpp"

struct Stranger {};
auto strangers(const jot::Value& v) { return jot::from_value<std::vector<Stranger>>(v); }
