#pragma once

#include <optional>
#include <string>
#include <vector>

#include "alphaprune/linalg/node_cholesky.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "site_statistics.hpp"

namespace alphaprune::pruning {

/// W* = W + G(H+δI)⁻¹ (see SiteStatistics): the weights that would fit best to the targets of
/// outputs as long as none is removed.
class UnmaskedFit {
  public:
    /// Collective. @param statistics  finished; outlives the object
    /// @throws Error (failure) on all ranks when H+δI is not positive definite
    UnmaskedFit(const BlockInputs& inputs, const SiteStatistics& statistics,
                const PrunerSettings& settings, const std::string& where);

    /// Moves rows of a matrix of the site there; without targets they are there.
    void move(const MatrixRows& rows) const;

  private:
    const SiteStatistics& statistics_;
    std::optional<linalg::NodeCholesky> factor_;  ///< nothing without targets
};

/// Of H+δI.
std::vector<double> ridged_diagonal(const SiteStatistics& statistics);
/// Collective. @throws Error (failure) on all ranks unless H+δI was positive definite on all
void require_minimizer(const parallel::Communicator& ranks, bool positive,
                       const PrunerSettings& settings, const std::string& where);

/// Making and using it, without the statistics.
SiteCost unmasked_fit_cost(const SiteWork& work);

}  // namespace alphaprune::pruning
