// error: jot: a handler returns nothing, text, HTML{...}, a Value
#include "jot/router.hpp"

struct Stranger {};
jot::Handler h = [] { return Stranger(); };
