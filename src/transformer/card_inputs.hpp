#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "alphaprune/linalg/far_lane.hpp"
#include "alphaprune/transformer/block_runner.hpp"
#include "cuda/forward_lane.hpp"

namespace alphaprune::transformer {

/// Shows observers what the sites of a block are given on a card.
class CardInputs {
  public:
    explicit CardInputs(card::ForwardLane& lane) : lane_(lane), squares_(lane) {}

    /// A pass begins. @param squares  values of all sites of the block together; 0: the inputs
    /// themselves are shown
    void begin(std::int64_t squares);
    /// Shows an input at once, brought to the host; or has its squares summed up and goes on.
    /// @param input  its spans are of the card
    void see(const ObservedInput& input, const InputObserver& observer);
    /// The pass is over: its sums are on their way to the host, and shown when the next pass is
    /// over, while which the card works; or by finish().
    void end(const InputObserver& observer);
    /// Shows what is on its way.
    void finish();

    /// Brings values to the host, until the next call with this room.
    std::span<const float> on_host(std::span<const float> values, std::vector<float>& room);

  private:
    /// What will be shown.
    struct Awaited {
        ObservedInput input;                  ///< but for what the next two have
        std::vector<std::int32_t> of_expert;  ///< a copy
        std::size_t first = 0;                ///< of its sums among those of the pass
        std::size_t cols = 0;
    };
    /// Of one pass.
    struct Sums {
        std::vector<Awaited> awaited;
        InputObserver observer;
    };

    card::ForwardLane& lane_;
    bool sums_ = false;  ///< of squares are shown
    linalg::FarBuffer squares_;
    std::span<float> all_;
    std::size_t used_ = 0;  ///< of them
    Sums now_;
    Sums before_;  ///< on their way
    int turn_ = 0;
    std::vector<float> values_;
    std::vector<float> residual_;
    std::vector<float> routed_;
};

}  // namespace alphaprune::transformer
