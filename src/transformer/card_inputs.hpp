#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "alphaprune/transformer/block_runner.hpp"
#include "card_memory.hpp"

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
    /// The pass is over: shows the sums.
    void end(const InputObserver& observer);

    /// Brings values to the host, until the next call with this room.
    std::span<const float> on_host(std::span<const float> values, std::vector<float>& room);

  private:
    /// What will be shown.
    struct Awaited {
        ObservedInput input;                  ///< but for what the next two have
        std::vector<std::int32_t> of_expert;  ///< a copy
        std::span<const float> squares;       ///< on the card
    };

    card::ForwardLane& lane_;
    bool sums_ = false;  ///< of squares are shown
    CardMemory squares_;
    std::span<float> all_;
    std::span<float> free_;  ///< of them
    std::vector<Awaited> awaited_;
    std::vector<float> values_;
    std::vector<float> residual_;
    std::vector<float> routed_;
};

}  // namespace alphaprune::transformer
