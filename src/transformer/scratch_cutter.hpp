#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace alphaprune::transformer {

/// Sizes of pieces of scratch are rounded up to this many values, a cache line.
constexpr std::int64_t kLineFloats = 16;
constexpr std::int64_t whole_lines(std::int64_t count) {
    return (count + kLineFloats - 1) / kLineFloats * kLineFloats;
}

/// Cuts pieces off the front of some scratch, each aligned as the whole is.
class ScratchCutter {
  public:
    explicit ScratchCutter(std::span<float> scratch) : rest_(scratch) {}
    std::span<float> cut(std::int64_t count) {
        const auto piece = rest_.first(static_cast<std::size_t>(count));
        rest_ = rest_.subspan(static_cast<std::size_t>(whole_lines(count)));
        return piece;
    }
    std::span<float> rest() const { return rest_; }

  private:
    std::span<float> rest_;
};

/// Scratch of each thread of a rank.
class ThreadScratch {
  public:
    ThreadScratch(int threads, std::int64_t values_of_each)
        : each_(static_cast<std::size_t>(whole_lines(values_of_each))),
          values_(static_cast<std::size_t>(threads) * each_ + kLineFloats) {
        void* aligned = values_.data();
        std::size_t room = values_.size() * sizeof(float);
        first_ = static_cast<float*>(std::align(kLineFloats * sizeof(float),
                                                room - kLineFloats * sizeof(float), aligned, room));
    }
    ThreadScratch(const ThreadScratch&) = delete;
    ThreadScratch& operator=(const ThreadScratch&) = delete;

    std::span<float> of(int thread) const {
        return {first_ + static_cast<std::size_t>(thread) * each_, each_};
    }

  private:
    std::size_t each_;
    std::vector<float> values_;
    float* first_;
};

}  // namespace alphaprune::transformer
