// error: jot: a middleware is Handler(Handler) or void(ResponseWriter&, Request&, const Handler& next)
#include "jot/router.hpp"

jot::Middleware request_log();
void set_up(jot::Router& app) { app.use(request_log); }  // forgot the ()
