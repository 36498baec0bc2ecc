#pragma once

#include <string>
#include <vector>

#include "forward_plan.hpp"

namespace alphaprune::transformer {

/// See Transformer::warnings().
std::vector<std::string> warnings_on_unused(const ForwardPlan& plan);

}  // namespace alphaprune::transformer
