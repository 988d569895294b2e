// error: jot: a handler runs on many threads at once: no mutable lambda
#include "jot/router.hpp"

jot::Handler h = [n = 0](jot::ResponseWriter& w, jot::Request&) mutable { w.write(++n); };
