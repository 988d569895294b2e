// SPDX-License-Identifier: MIT
//
// jot.hpp -- the front door, and a guided tour.
//
// jot is a web framework in one header: the standard library and POSIX, nothing else to install.
//
//     #include "jot.hpp"
//     int main() {
//       jot::Router app;
//       app.get("/", [] { return "Hello, world.\n"; });
//       jot::listen_and_serve(":8080", app);
//     }
//
// Read the contracts in this order. How each is done stands in the file of the same name under
// impl/, and the machines that they run on under detail/, from bytes upwards.
#pragma once

#include "jot/config.hpp"   // header only, or split
#include "jot/version.hpp"  // which jot this is

#include "jot/error.hpp"   // what went wrong: as a value, or thrown by a handler
#include "jot/event.hpp"   // one piece of news in a stream
#include "jot/header.hpp"  // fields: names without case, values checked
#include "jot/mime.hpp"    // types by file name, or by a look at the bytes
#include "jot/status.hpp"  // 404 is "Not Found"
#include "jot/text.hpp"    // what can be written: strings, numbers, letters
#include "jot/url.hpp"     // percent signs, and the pairs of a query

#include "jot/context.hpp"  // does anybody still want this work done?
#include "jot/from_value.hpp"  // values into types of yours
#include "jot/json.hpp"     // values from text, and back
#include "jot/log.hpp"      // a line for you; the client is not told
#include "jot/value.hpp"    // data without a struct: for JSON, logs and templates

#include "jot/handler.hpp"          // what may answer: any callable, wrapped by middleware
#include "jot/request.hpp"          // what a client asks for
#include "jot/response_writer.hpp"  // how a handler answers, at once or as it goes

#include "jot/cookie.hpp"       // what the client brings along next time, signed or not
#include "jot/events.hpp"       // what happens, told to a page while it happens
#include "jot/file_server.hpp"  // folders, or files inside the program, for browsers and caches
#include "jot/form.hpp"         // what was filled in, and which files came with it
#include "jot/middleware.hpp"   // what every service wants around its handlers
#include "jot/router.hpp"       // which handler answers this request?
#include "jot/security.hpp"     // which sites may ask, and who is the client?
#include "jot/template.hpp"     // which page do a template and data make?
#include "jot/template_func.hpp"  // what may a template call?

#include "jot/client.hpp"        // asks other servers, and every call ends
#include "jot/cookie_jar.hpp"    // what servers asked a client to bring along
#include "jot/event_source.hpp"  // the news of another server, across lost connections
#include "jot/server.hpp"        // who listens, and how long it waits for whom
#include "jot/upload.hpp"        // forms and files, for a client to send

#include "jot/metrics.hpp"  // how the service is doing, for Prometheus
#include "jot/testing.hpp"  // a handler's answer without a socket
