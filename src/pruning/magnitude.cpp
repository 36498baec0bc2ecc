#include "alphaprune/pruning/magnitude.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <limits>

#include "histogram.hpp"

namespace alphaprune {
namespace {

/// Stored values seen as their magnitudes: without its sign, the bit pattern of a floating-point
/// number orders as its magnitude does. The bytes need not be aligned.
template <class Bits>
class Magnitudes {
  public:
    explicit Magnitudes(std::span<std::byte> stored) : stored_(stored) {}

    std::int64_t size() const { return static_cast<std::int64_t>(stored_.size() / sizeof(Bits)); }

    template <class Use>
    void for_each(Use use) const {
        for (std::size_t at = 0; at < stored_.size(); at += sizeof(Bits)) {
            use(magnitude_at(at));
        }
    }

    /// Zeroes, in order, the values for whose magnitude `goes` is true.
    template <class Goes>
    void zero_where(Goes goes) {
        constexpr Bits kZero = 0;
        for (std::size_t at = 0; at < stored_.size(); at += sizeof(Bits)) {
            if (goes(magnitude_at(at))) {
                std::memcpy(stored_.data() + at, &kZero, sizeof(Bits));
            }
        }
    }

  private:
    Bits magnitude_at(std::size_t at) const {
        constexpr Bits kWithoutSign = std::numeric_limits<Bits>::max() >> 1;
        Bits bits;
        std::memcpy(&bits, stored_.data() + at, sizeof(Bits));
        return bits & kWithoutSign;
    }

    std::span<std::byte> stored_;
};

template <class Bits>
Selected threshold_at(const Communicator& ranks, const Magnitudes<Bits>& values,
                      std::int64_t position) {
    return select_among<Bits>(ranks, position, [&](auto use) { values.for_each(use); });
}

/// Removes exactly `count` values: all below the threshold, and of those equal to it the first in
/// row-major order over all ranks.
template <class Bits>
void prune_exactly(const Communicator& ranks, Magnitudes<Bits> values, std::int64_t count) {
    if (count == 0) {
        return;
    }
    const Selected threshold = threshold_at(ranks, values, count - 1);
    std::int64_t equal_here = 0;
    values.for_each([&](Bits magnitude) { equal_here += magnitude == threshold.key; });
    std::int64_t equal_to_go =
        count - threshold.below - ranks.sum_before(equal_here);  // at most, on this rank
    values.zero_where([&](Bits magnitude) {
        return magnitude < threshold.key || (magnitude == threshold.key && equal_to_go-- > 0);
    });
}

/// Removes every value up to and including the one at `position` of the ascending order.
template <class Bits>
void prune_inclusively(const Communicator& ranks, Magnitudes<Bits> values, std::int64_t position) {
    const Selected threshold = threshold_at(ranks, values, position);
    values.zero_where([&](Bits magnitude) { return magnitude <= threshold.key; });
}

template <class Bits>
void prune(const Communicator& ranks, Magnitudes<Bits> values, double ratio, Ties ties) {
    const std::int64_t total = ranks.sum(values.size());
    if (total == 0) {
        return;
    }
    const auto count = static_cast<std::int64_t>(static_cast<double>(total) * ratio);
    if (ties == Ties::exact) {
        prune_exactly(ranks, values, std::min(count, total));
    } else {
        prune_inclusively(ranks, values, std::min(count, total - 1));
    }
}

}  // namespace

std::int64_t prune_magnitude(const Communicator& ranks, std::span<std::byte> values,
                             ScalarType type, double ratio, Ties ties) {
    assert(ratio >= 0 && ratio <= 1);
    assert(values.size() % size_of(type) == 0);
    if (type == ScalarType::float32) {
        prune(ranks, Magnitudes<std::uint32_t>(values), ratio, ties);
    } else {
        prune(ranks, Magnitudes<std::uint16_t>(values), ratio, ties);
    }
    return static_cast<std::int64_t>(count_zeros(values, type));
}

}  // namespace alphaprune
