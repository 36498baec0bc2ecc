#pragma once

#include <cstdint>
#include <optional>

#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/pruning/row_pruning.hpp"

namespace alphaprune::pruning {

/// Widest panel of columns that SparseGPT sweeps at a time.
inline constexpr std::int64_t kWidestPanel = 128;

/// What makes a weight go: a score of at most `threshold` before the sweep, or N:M among the scores
/// as the sweep finds them.
struct RemovalRule {
    float threshold = 0;
    std::optional<Pattern> pattern;
};

/// SparseGPT's score of a weight in column j: w²/U_jj².
inline float sparsegpt_score(float weight, float factor_diagonal) {
    return weight * weight / (factor_diagonal * factor_diagonal);
}

/// SparseGPT on one panel of columns, column after column: a removed weight's error
/// e = w/U_jj is made up for by the weights right of it, w_k −= e·U_jk.
/// @param weights  rows × width, changed in place
/// @param factor   the square block of U at these columns
/// @param errors   out: rows × width, zero where a weight stays
void sweep_panel(linalg::FloatView weights, linalg::ConstFloatView factor, const RemovalRule& rule,
                 linalg::FloatView errors);

}  // namespace alphaprune::pruning
