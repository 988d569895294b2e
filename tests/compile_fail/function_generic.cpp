// error: jot: a template calls a function or a lambda of known parameters
#include "jot/template.hpp"

jot::TemplateFunc f = [](auto v) { return v; };
