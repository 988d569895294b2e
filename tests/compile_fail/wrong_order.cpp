// error: jot: a handler takes (ResponseWriter&, Request&), in this order
#include "jot/router.hpp"

jot::Handler h = [](jot::Request&, jot::ResponseWriter&) {};
