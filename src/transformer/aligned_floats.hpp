#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

namespace alphaprune::transformer {

/// float32 memory aligned to cache lines, its values undefined at first: scratch that is used again
/// and again, so that the system need not clear pages for every call.
class AlignedFloats {
  public:
    /// Room for so many values; what was there is lost when it has to grow.
    /// @throws Error (failure) when the memory is not to be had
    std::span<float> at_least(std::int64_t count);

  private:
    struct Free {
        void operator()(float* values) const { std::free(values); }
    };
    std::unique_ptr<float[], Free> values_;
    std::size_t capacity_ = 0;
};

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

}  // namespace alphaprune::transformer
