#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/node.hpp"

namespace alphaprune::transformer {

/// Memory of a team that grows when more is needed: scratch that is used again and again, so that
/// the system need not clear pages for every call.
class TeamMemory {
  public:
    /// @param team  the ranks that share it; outlives the object
    explicit TeamMemory(const parallel::Communicator& team) : team_(team) {}

    /// Collective: room for so many values; what was there is lost when it has to grow.
    /// @throws Error on all ranks of the team when there is not enough memory
    std::span<float> at_least(std::int64_t count) {
        if (!values_ || static_cast<std::int64_t>(values_->values().size()) < count) {
            values_.reset();
            parallel::run_collectively(team_, [&] { values_.emplace(team_, count); });
        }
        return values_->values().first(static_cast<std::size_t>(count));
    }
    /// What is there.
    std::span<float> values() { return values_ ? values_->values() : std::span<float>{}; }

  private:
    const parallel::Communicator& team_;
    std::optional<parallel::NodeArray<float>> values_;
};

}  // namespace alphaprune::transformer
