#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "alphaprune/pruning/row_pruning.hpp"
#include "damped_inverse.hpp"

namespace alphaprune::pruning {

/// Widest panel of columns that SparseGPT sweeps at a time.
inline constexpr std::int64_t kWidestPanel = 128;

/// What makes a weight go: a score of at most `threshold` before the sweep, or N:M among the scores
/// as the sweep finds them.
struct RemovalRule {
    float threshold = 0;
    std::optional<Pattern> pattern;
};

/// Panels are 128 columns wide, or somewhat less where groups of M would not fit in whole.
std::int64_t panel_width(const std::optional<Pattern>& pattern);
/// What there is to say of a target before the threshold of a panel is known: without one nothing
/// goes by its score.
RemovalRule rule_without_ratio(const PruneTarget& target);
/// Whether each panel has a threshold.
bool has_ratio(const PruneTarget& target);
/// Of the scores of a panel, in ascending order, the last that goes. @param scores  on all ranks
std::int64_t threshold_position(const PruneTarget& target, std::int64_t scores);
/// @param key  bits of the score there, the same on all ranks @param where  the matrix
/// @throws Error (failure) on all ranks when it is not finite
float finite_threshold(std::uint32_t key, const std::string& where);

/// Which weights of a panel go beforehand: one byte per weight, not zero there.
struct GoneView {
    const std::uint8_t* data = nullptr;  ///< nullptr: none
    std::int64_t stride = 0;             ///< between rows

    bool at(std::int64_t row, std::int64_t col) const {
        return data != nullptr && data[row * stride + col] != 0;
    }
};

/// SparseGPT on one panel of columns, column after column: a removed weight's error
/// e = w/U_jj is made up for by the weights right of it, w_k −= e·U_jk.
/// @param weights  rows × width, changed in place
/// @param factor   the square block of U at these columns
/// @param errors   out: rows × width, zero where a weight stays
/// @param gone     of N:M these are the first to go; the threshold takes them into account
void sweep_panel(linalg::FloatView weights, linalg::ConstFloatView factor, const RemovalRule& rule,
                 linalg::FloatView errors, GoneView gone = {});

/// SparseGPT (arXiv 2301.00774) on matrices that share an input and whose rows are divided among
/// the ranks: all of them together, panel after panel. The ratio of a matrix is reached in each
/// panel of 128 columns (ties at the threshold go too); 0 removes dead inputs alone, and what is
/// gone beforehand, which has the score 0. The same bits as of each matrix alone, and on any number
/// of ranks and threads. Collective.
/// @param threads  of this rank, which share its rows
/// @throws Error (failure) on all ranks when the threshold of a panel is not finite
void sweep_site(const parallel::Communicator& ranks, const parallel::ThreadPool& threads,
                const DampedInverse& inverse, std::span<const SiteMatrix> matrices);

}  // namespace alphaprune::pruning
