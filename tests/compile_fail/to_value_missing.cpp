// error: jot: a vector becomes a Value if T does: write Value to_value(const T&)
#include "jot/value.hpp"

struct Stranger {};
jot::Value strangers = std::vector<Stranger>();
