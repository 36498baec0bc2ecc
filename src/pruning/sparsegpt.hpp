#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/linalg/outer_products.hpp"
#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "alphaprune/pruning/row_pruning.hpp"

namespace alphaprune::pruning {

/// The largest order whose Hessian each rank holds whole.
inline constexpr std::int64_t kLargestLocalHessian = 4096;

/// H = (2/samples)·Σ x xᵀ in float32 for one input, gathered over all ranks. Up to a certain order
/// each rank sums its own and one rank gets the total; beyond it the matrix is block-cyclic over
/// all ranks from the start, so that no rank ever holds it.
class Hessian {
  public:
    /// Collective.
    /// @param ranks  outlives the object
    /// @throws Error (failure) on all ranks when there is not enough memory
    Hessian(const parallel::Communicator& ranks, std::int64_t order,
            std::int64_t largest_local = kLargestLocalHessian);

    /// Collective: adds each rank's sequence, tokens × order, row-major; a rank that has none left
    /// gives an empty span and 0 tokens.
    void add(std::span<const float> input, std::int64_t tokens);

    /// Bytes a rank needs for an order and number of ranks, the factor that H becomes included.
    static std::uint64_t memory_needed(std::int64_t order, int ranks, int node_ranks,
                                       std::int64_t largest_local = kLargestLocalHessian);

  private:
    friend class InverseFactor;
    std::int64_t order_;
    std::unique_ptr<linalg::OuterProducts> products_;
};

/// U, the upper Cholesky factor of (H + damping)⁻¹, distributed as H was; panels of its rows can be
/// had on every rank.
class InverseFactor {
  public:
    /// Collective. Dead inputs (zero diagonal) get H_jj = 1. Damping starts at 0.01·mean diagonal
    /// and is raised tenfold, up to 1.0, while H is not positive definite.
    /// @param samples  calibration sequences over all ranks
    /// @param where    block and matrix, for messages
    /// @throws Error (failure) on all ranks when H holds NaN or infinities, and when even damping
    ///         1.0 does not help
    InverseFactor(Hessian&& hessian, std::int64_t samples, const std::string& where);

    std::int64_t order() const { return order_; }
    /// What the damping had to be raised to; 0.01 normally.
    double damping() const { return damping_; }
    /// Inputs that were zero throughout; their weights are removed.
    const std::vector<bool>& dead_inputs() const { return dead_; }
    /// Collective: rows [begin, end) of U from column `begin` on: (end−begin) × (order−begin),
    /// row-major, zero below the diagonal.
    std::vector<float> panel(std::int64_t begin, std::int64_t end) const;

  private:
    std::int64_t order_;
    std::unique_ptr<linalg::OuterProducts> products_;
    std::vector<bool> dead_;
    double damping_ = 0;
};

/// Factors the inverse of H with damping times the mean diagonal added to its diagonal, where
/// damping is 0.01, or as much more, tenfold each time and up to 1.0, as it takes to make H
/// positive definite. Collective.
/// @param diagonal  of H, with 1 for dead inputs
/// @param where     block and matrix, for messages
/// @return the damping it took
/// @throws Error (failure) on all ranks when none of them is enough or H is not finite
double factor_damped(linalg::OuterProducts& hessian, const std::vector<float>& diagonal,
                     const std::string& where);

/// Widest panel of columns that SparseGPT sweeps at a time.
inline constexpr std::int64_t kWidestPanel = 128;

/// What makes a weight go: a score of at most `threshold` before the sweep, or N:M among the scores
/// as the sweep finds them.
struct RemovalRule {
    float threshold = 0;
    std::optional<Pattern> pattern;
};

/// SparseGPT on one panel of columns, column after column: a removed weight's error
/// e = w/U_jj is made up for by the weights right of it, w_k −= e·U_jk.
/// @param weights  rows × width, changed in place
/// @param factor   the square block of U at these columns
/// @param errors   out: rows × width, zero where a weight stays
void sweep_panel(linalg::FloatView weights, linalg::ConstFloatView factor, const RemovalRule& rule,
                 linalg::FloatView errors);

/// SparseGPT (arXiv 2301.00774) on a matrix whose rows are divided among the ranks. Collective.
/// @param weights  this rank's rows × order, row-major; may be empty; changed in place
/// @param ratio    share to remove, in [0, 1], reached in each panel of 128 columns (ties at the
///                 threshold go too); 0 removes dead inputs alone; not looked at when there is a
///                 pattern
/// @param where    block and matrix, for messages
/// @return zeros among this rank's weights afterwards
/// @throws Error (failure) on all ranks when the threshold of a panel is not finite
std::int64_t prune_sparsegpt(const parallel::Communicator& ranks, const InverseFactor& factor,
                             std::span<float> weights, double ratio, std::optional<Pattern> pattern,
                             const std::string& where = {});

}  // namespace alphaprune::pruning
