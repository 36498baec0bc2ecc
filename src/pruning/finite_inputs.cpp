#include "finite_inputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "alphaprune/support/error.hpp"

namespace alphaprune::pruning {

void require_finite_inputs(std::span<const float> squares, const std::string& where) {
    const auto wrong = std::ranges::count_if(squares, [](float v) { return !std::isfinite(v); });
    if (wrong > 0) {
        throw support::failure(
            fmt::format("the inputs of a matrix are NaN or too large for float32 "
                        "({} of {} inputs)",
                        wrong, squares.size()),
            where,
            "check the model's weights and the calibration tokens; magnitude pruning "
            "needs no inputs")
            .mark_agreed();
    }
}

}  // namespace alphaprune::pruning
