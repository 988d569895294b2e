// error: jot: a template calls a function or a lambda of known parameters
#include "jot/template.hpp"

jot::TemplateFunc f = [n = 0]() mutable { return ++n; };
