#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/linalg/inverse_factor.hpp"
#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/node.hpp"

namespace alphaprune::pruning {

/// H of a site: scale·gram, but 1 on the diagonal for dead inputs, those whose diagonal is zero.
struct ScaledGram {
    std::span<const double> gram;  ///< order × order, finite, in the memory of the node
    std::int64_t order = 0;
    double scale = 1;
};

/// Of H before it is damped: scale·Σx², but 1 for dead inputs, whose sum is zero.
std::vector<double> undamped_diagonal(std::span<const double> squares, double scale);

/// The first of damping, 10·damping, … up to 1.0 with which H is positive definite. Collective.
/// @param diagonal     of H
/// @param is_positive  with this diagonal instead, the same on all ranks
/// @param where        block and matrix, for messages
/// @throws Error (failure) on all ranks when even 1.0 does not help
double enough_damping(std::span<const double> diagonal, double damping, const std::string& where,
                      const std::function<bool(std::span<const double> damped)>& is_positive);

/// U, the upper Cholesky factor of (H + damping·I)⁻¹, which each node holds once. The same bits on
/// any number of ranks.
class DampedInverse {
  public:
    /// Collective. The damping, a share of the mean diagonal, is `damping` at first and raised
    /// tenfold, up to 1.0, as often as it takes to make H positive definite.
    /// @param nodes  outlive the object
    /// @param where  block and matrix, for messages
    /// @throws Error (failure) on all ranks when even damping 1.0 does not help
    DampedInverse(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                  const ScaledGram& hessian, double damping, const std::string& where);

    std::int64_t order() const { return factor_->order(); }
    /// What the damping had to be raised to.
    double damping() const { return damping_; }
    /// Inputs that were zero throughout; their weights are removed.
    const std::vector<bool>& dead_inputs() const { return dead_; }
    /// Rows [begin, end) of U from column `begin` on; not to be read below the diagonal.
    linalg::ConstFloatView rows(std::int64_t begin, std::int64_t end) const {
        return factor_->rows(begin, end);
    }

  private:
    std::optional<linalg::InverseFactor> factor_;
    std::vector<bool> dead_;
    double damping_ = 0;
};

}  // namespace alphaprune::pruning
