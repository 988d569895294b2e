// error: jot: a handler returns nothing, text, HTML{...}, a Value
#include "jot/router.hpp"

int n = 0;
jot::Handler h = []() -> int& { return n; };
