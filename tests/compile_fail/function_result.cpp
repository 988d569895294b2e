// error: jot: a function of templates returns what becomes a Value
#include "jot/template.hpp"

jot::TemplateFunc f = [](int) {};
