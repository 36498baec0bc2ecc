#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "cuda/forward_lane.hpp"

namespace alphaprune::transformer {

/// Memory of a card that grows when more is needed; what was there is lost then.
class CardMemory {
  public:
    explicit CardMemory(card::ForwardLane& lane) : lane_(lane) {}
    CardMemory(const CardMemory&) = delete;
    CardMemory& operator=(const CardMemory&) = delete;
    ~CardMemory() {
        try {
            lane_.release(memory_);
        } catch (...) {  // the card is lost, and its memory with it
        }
    }

    /// Room for so many values, which only the lane looks into.
    template <class T = float>
    std::span<T> at_least(std::int64_t count) {
        const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
        if (bytes > bytes_) {
            lane_.release(std::exchange(memory_, nullptr));
            bytes_ = 0;
            memory_ = lane_.allocate(bytes);
            bytes_ = bytes;
        }
        return {static_cast<T*>(memory_), static_cast<std::size_t>(count)};
    }
    /// The same, with these values in it.
    template <class T>
    std::span<T> filled(std::span<const T> values) {
        const std::span<T> room = at_least<T>(static_cast<std::int64_t>(values.size()));
        lane_.upload(room.data(), std::as_bytes(values));
        return room;
    }

  private:
    card::ForwardLane& lane_;
    void* memory_ = nullptr;
    std::size_t bytes_ = 0;
};

}  // namespace alphaprune::transformer
