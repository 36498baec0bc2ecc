#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

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

}  // namespace alphaprune::transformer
