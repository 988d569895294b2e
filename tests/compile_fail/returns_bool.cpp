// error: jot: a handler returns nothing, text, HTML{...}, a Value
#include "jot/router.hpp"

jot::Handler h = [] { return true; };
