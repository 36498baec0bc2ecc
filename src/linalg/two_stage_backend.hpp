#pragma once

#include <optional>
#include <tuple>

#include "alphaprune/linalg/spectral_backend.hpp"
#include "two_stage/workspace.hpp"

namespace alphaprune::linalg {

/// Our own kernels: one rank, or the ranks of a group on one node through shared memory. The bits
/// of a spectrum do not depend on the size of the group.
class TwoStageBackend : public SpectralBackend {
  public:
    /// @param group  on one node; outlives the backend
    TwoStageBackend(const parallel::Communicator& group, Precision precision)
        : group_(group), precision_(precision) {}
    GramSpectrum spectrum_of(MatrixSource& matrix) override;

  private:
    template <class Real>
    two_stage::Workspace<Real>& workspace_for(std::int64_t order);
    template <class Real>
    void compute(MatrixSource& matrix, GramSpectrum& spectrum);
    bool tried_in_single(MatrixSource& matrix, GramSpectrum& spectrum);

    const parallel::Communicator& group_;
    Precision precision_;
    // Kept from one matrix to the next of the same order, one at a time.
    std::tuple<std::optional<two_stage::Workspace<double>>,
               std::optional<two_stage::Workspace<float>>>
        workspaces_;
};

/// Bytes that a rank needs, its part of what the group shares.
std::uint64_t two_stage_memory(int group_ranks, std::int64_t order, std::int64_t depth);

}  // namespace alphaprune::linalg
