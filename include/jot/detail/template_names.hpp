// SPDX-License-Identifier: MIT
//
// template_names.hpp -- what may a template name that is not its own?
//
// Other templates, and functions that were added: what they take, and what arguments may be. Beside
// it, how an execution ends that went wrong.
#pragma once

#include "../template_func.hpp"  // AddedFunction, Parameter
#include "../value.hpp"          // Value
#include "template_operand.hpp"  // Operand
#include "template_print.hpp"    // go_type
#include "template_tree.hpp"     // TemplateNode

#include <stdexcept>    // std::invalid_argument
#include <string>       // std::string
#include <string_view>  // std::string_view

namespace jot::inline v1::detail {

// What is a key worth that is not there?
enum class OnMissingKey { no_value, zero, error };

// Where an execution finds what its template names.
class TemplateNames {
 public:
  virtual ~TemplateNames() = default;
  virtual const TemplateNode* find_template(std::string_view name) const = 0;   // nullptr: none
  virtual const AddedFunction* find_function(std::string_view name) const = 0;  // nullptr: none
};

// Why an execution ended.
struct ExecProblem {
  const TemplateNode* at;
  std::string executing;  // the name of the template
  std::string message;
};

// As Go calls it.
inline std::string_view type_name(Parameter p) noexcept {
  constexpr std::string_view names[] = {
      "interface {}",           "bool", "int", "float64", "string", "[]interface {}",
      "map[string]interface {}"};
  return names[static_cast<unsigned char>(p)];
}

// As Go calls what is missing when a literal is of another kind.
inline std::string_view literal_name(Parameter p) noexcept {
  constexpr std::string_view names[] = {"any", "bool", "integer", "float", "string", "list", "map"};
  return names[static_cast<unsigned char>(p)];
}

inline bool fits(const Value& v, Parameter wanted) noexcept {
  switch (wanted) {
    case Parameter::any: return true;
    case Parameter::boolean: return v.is_bool();
    case Parameter::integer: return v.is_int();
    case Parameter::floating: return v.is_double();
    case Parameter::list: return v.is_list();
    case Parameter::map: return v.is_map();
    default: return v.is_string();
  }
}

// A literal number has no type of its own: 1 may be a float, and 1.0 an int. Returns: null where it
// cannot become what is wanted.
inline Value convert_literal(const Value& v, Parameter wanted) {
  if (fits(v, wanted)) return v;
  if (wanted == Parameter::floating && v.is_int()) return static_cast<double>(v.as_int());
  if (wanted == Parameter::integer && v.is_double() && v == v.as_int(0)) return v.as_int(0);
  return {};
}

// What `call` says, for Values hold no functions that it could call.
[[noreturn]] inline void refuse_call(const std::string& callee, const Operand& value) {
  if (value.is_null()) throw std::invalid_argument("call of nil");
  throw std::invalid_argument("non-function " + callee + " of type " +
                              std::string(go_type(*value.value)));
}

}  // namespace jot::inline v1::detail
