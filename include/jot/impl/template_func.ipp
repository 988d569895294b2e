// SPDX-License-Identifier: MIT
//
// template_func.ipp -- the bodies of template_func.hpp.
#pragma once

#include "../template_func.hpp"

namespace jot::inline v1::detail {

JOT_INLINE std::shared_ptr<const AddedFunction> share(const AddedFunction* made) {
  return std::shared_ptr<const AddedFunction>(made);
}

}  // namespace jot::inline v1::detail
