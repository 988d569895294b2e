// error: jot: a function of templates takes no reference to what is not const
#include "jot/template.hpp"

jot::TemplateFunc f = [](std::string& s) { return s; };
