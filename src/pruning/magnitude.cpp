#include "alphaprune/pruning/magnitude.hpp"

#include <algorithm>
#include <cassert>

#include "histogram.hpp"
#include "magnitudes.hpp"

namespace alphaprune::pruning {
namespace {

template <class Bits>
Selected threshold_at(const parallel::Communicator& ranks, const Magnitudes<Bits>& values,
                      std::int64_t position) {
    return select_among<Bits>(ranks, position, [&](auto use) { values.for_each(use); });
}

/// Zeros on this rank after it has lost all values below the threshold and `equal_lost` of those
/// equal to it: what was zero before is below the threshold, or equal to it.
std::int64_t zeros_after(const Selected& threshold, std::int64_t equal_lost) {
    return threshold.key == 0 ? threshold.equal_here : threshold.below_here + equal_lost;
}

/// Removes exactly `count` values, one at least: all below the threshold, and of those equal to it
/// the first in row-major order over all ranks.
template <class Bits>
std::int64_t prune_exactly(const parallel::Communicator& ranks, Magnitudes<Bits> values,
                           std::int64_t count) {
    const Selected threshold = threshold_at(ranks, values, count - 1);
    const std::int64_t equal_to_go =
        count - threshold.below - ranks.sum_before(threshold.equal_here);
    const std::int64_t equal_lost = std::clamp<std::int64_t>(equal_to_go, 0, threshold.equal_here);
    values.zero_up_to(static_cast<Bits>(threshold.key), equal_lost);
    return zeros_after(threshold, equal_lost);
}

/// Removes every value up to and including the one at `position` of the ascending order.
template <class Bits>
std::int64_t prune_inclusively(const parallel::Communicator& ranks, Magnitudes<Bits> values,
                               std::int64_t position) {
    const Selected threshold = threshold_at(ranks, values, position);
    values.zero_up_to(static_cast<Bits>(threshold.key), threshold.equal_here);
    return zeros_after(threshold, threshold.equal_here);
}

template <class Bits>
std::int64_t prune(const parallel::Communicator& ranks, std::span<std::byte> stored,
                   support::ScalarType type, double ratio, Ties ties) {
    const Magnitudes<Bits> values(stored);
    const std::int64_t total = ranks.sum(values.size());
    const auto count = static_cast<std::int64_t>(static_cast<double>(total) * ratio);
    if (total > 0 && ties == Ties::inclusive) {
        return prune_inclusively(ranks, values, std::min(count, total - 1));
    }
    if (count > 0) {
        return prune_exactly(ranks, values, std::min(count, total));
    }
    return static_cast<std::int64_t>(support::count_zeros(stored, type));
}

}  // namespace

std::int64_t prune_magnitude(const parallel::Communicator& ranks, std::span<std::byte> values,
                             support::ScalarType type, double ratio, Ties ties) {
    assert(ratio >= 0 && ratio <= 1);
    assert(values.size() % size_of(type) == 0);
    return type == support::ScalarType::float32
               ? prune<std::uint32_t>(ranks, values, type, ratio, ties)
               : prune<std::uint16_t>(ranks, values, type, ratio, ties);
}

}  // namespace alphaprune::pruning
