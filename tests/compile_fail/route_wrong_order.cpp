// error: jot: a handler takes (ResponseWriter&, Request&), in this order
#include "jot/router.hpp"

void set_up(jot::Router& app) {
  app.get("/", [](jot::Request&, jot::ResponseWriter&) {});
}
