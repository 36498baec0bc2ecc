#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "alphaprune/linalg/far_lane.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "projection.hpp"

namespace alphaprune::pruning {

/// Projection far from the processor. Functions throw device::CardError.
class FarProjection {
  public:
    /// @param gone  as Projection has it, in the processor's memory
    FarProjection(const parallel::Communicator& ranks, linalg::FarLane& lane, std::int64_t size,
                  std::int64_t cols, const PruneTarget& target, std::span<const std::uint8_t> gone);

    std::int64_t kept() const { return counts_.total - counts_.removed; }
    std::int64_t total() const { return counts_.total; }

    /// stays = 1 where a value stays, 0 elsewhere: values of this rank's rows.
    void choose(const float* values, std::uint8_t* stays);
    /// out = values where they stay, zero elsewhere.
    void operator()(const float* values, float* out);

  private:
    void choose_largest(const float* values, std::uint8_t* stays);

    const parallel::Communicator& ranks_;
    linalg::FarLane& lane_;
    std::int64_t size_;
    std::int64_t cols_;
    std::optional<Pattern> pattern_;
    WeightCounts counts_;
    linalg::FarBuffer gone_memory_;
    const std::uint8_t* gone_ = nullptr;  ///< nullptr: none
    linalg::FarBuffer stays_;
    linalg::FarBuffer room_;
};

}  // namespace alphaprune::pruning
