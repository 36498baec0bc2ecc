#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/node_array.hpp"

namespace alphaprune::linalg::two_stage {

/// Memory that all ranks of a team see: plain memory for a team of one, else the node's shared
/// memory. Not initialised. Made and synced collectively.
template <class Real>
class TeamMemory {
  public:
    /// @param team  ranks of one node; outlives the object
    /// @throws Error (failure) on all ranks when the memory is not to be had
    TeamMemory(const parallel::Communicator& team, std::int64_t size);

    std::span<Real> values() { return values_; }
    /// Collective: what was written before is seen by all after.
    void sync();

  private:
    struct Free {
        void operator()(Real* values) const;
    };
    std::unique_ptr<Real[], Free> alone_;
    std::optional<parallel::NodeArray<Real>> shared_;
    std::span<Real> values_;
};

}  // namespace alphaprune::linalg::two_stage
