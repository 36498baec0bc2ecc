#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "alphaprune/linalg/spectral_backend.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/phases/spectrum_phase.hpp"
#include "alphaprune/spectrum/farms.hpp"

namespace alphaprune::phases {

struct FarmsResults {
    std::vector<double>
        alphas;                ///< as in Catalogue::matrices, rounded to 10 digits; NaN: undefined
    std::int64_t windows = 0;  ///< of all matrices
};

/// alpha_peak_farms of all prunable matrices: alpha_peak of the eigenvalues of all windows of a
/// matrix together. Windows are handed out to whichever rank is free, the most expensive first;
/// their eigenvalues meet on one rank per matrix, which keeps them only until the last is there.
/// Collective. The result does not depend on the number of ranks.
/// @param solver    for each window; nothing, or one that works on groups: the best for its size
/// @param journal   takes the results, and holds those of earlier attempts; may be nullptr
/// @param progress  called on rank 0 with windows done, of how many
/// @throws Error on all ranks: unreadable weights, NaN or Inf, a solver that fails
FarmsResults compute_farms(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
                           const spectrum::FarmsOptions& options,
                           std::optional<linalg::Solver> solver, const Progress& progress,
                           resume::Journal* journal = nullptr);

}  // namespace alphaprune::phases
