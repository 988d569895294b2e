// error: jot: a middleware is Handler(Handler) or void(ResponseWriter&, Request&, const Handler& next)
#include "jot/router.hpp"

jot::Middleware m = [](jot::ResponseWriter&, jot::Request&) {};
