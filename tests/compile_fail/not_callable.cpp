// error: jot: a handler takes (ResponseWriter&, Request&), one of them, or nothing
#include "jot/router.hpp"

jot::Handler h = 7;
