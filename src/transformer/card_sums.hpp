#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "alphaprune/linalg/far_lane.hpp"
#include "alphaprune/linalg/far_memory.hpp"
#include "alphaprune/linalg/node_sums.hpp"
#include "cuda/forward_lane.hpp"

namespace alphaprune::transformer {

/// The memory of a card, for sums of products of vectors there.
class CardFarMemory : public linalg::FarMemory {
  public:
    /// @param precision  that of forward passes, which products have: see ForwardLane::add_products
    CardFarMemory(card::ForwardLane& lane, linalg::ForwardPrecision precision)
        : lane_(lane),
          precision_(precision),
          rooms_{linalg::FarBuffer(lane), linalg::FarBuffer(lane), linalg::FarBuffer(lane),
                 linalg::FarBuffer(lane)},
          indices_(lane),
          by_nodes_(&lane) {}

    linalg::FarLane& lane() override { return lane_; }
    std::unique_ptr<linalg::FarSums> make_sums(std::int64_t order,
                                               std::span<const std::int64_t> companions) override;
    void add_up(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                linalg::FarSums& own, std::int64_t order) override;
    std::span<const float> difference(linalg::FarRoom room, std::span<const float> one,
                                      std::span<const float> other, float factor) override;
    std::span<const float> gather(linalg::FarRoom room, std::span<const float> vectors,
                                  std::int64_t size, std::span<const std::int32_t> rows) override;

  private:
    /// Collective: whether the cards of all ranks form a group, as NCCL has it. Asks once.
    bool forms_group(const parallel::Communicator& ranks);

    card::ForwardLane& lane_;
    linalg::ForwardPrecision precision_;
    std::array<linalg::FarBuffer, linalg::kFarRooms> rooms_;
    linalg::FarBuffer indices_;
    bool has_asked_ = false;  ///< whether there can be a group
    std::unique_ptr<linalg::FarGroup> group_;
    linalg::NodeSums by_nodes_;
};

}  // namespace alphaprune::transformer
