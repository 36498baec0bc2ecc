#include "shifting.hpp"

#include <algorithm>

namespace alphaprune::allocation {
namespace {

using Items = std::span<const AllocationItem>;
using Values = std::span<const double>;

long double weights_in(Items items) {
    long double weights = 0;
    for (const AllocationItem& item : items) {
        weights += static_cast<long double>(item.weights);
    }
    return weights;
}

/// Zeros that a shift leads to.
long double zeros_at(Items items, Values values, long double shift, long double most) {
    long double zeros = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
        zeros += std::clamp<long double>(values[i] + shift, 0, most) *
                 static_cast<long double>(items[i].weights);
    }
    return zeros;
}

/// The shift that leads to so many zeros, nearly: their number grows with it.
long double shift_near(Items items, Values values, long double zeros, long double most) {
    constexpr int kHalvings = 100;  // more than the bits of a long double
    const auto [least, greatest] = std::ranges::minmax(values);
    long double low = -greatest;      // no zeros
    long double high = most - least;  // as many as there can be
    for (int i = 0; i < kHalvings; ++i) {
        const long double middle = (low + high) / 2;
        (zeros_at(items, values, middle, most) < zeros ? low : high) = middle;
    }
    return high;
}

}  // namespace

ShiftedRatios shifted_to_mean(Items items, Values values, double mean, double most) {
    const long double zeros = mean * weights_in(items);
    const long double near = shift_near(items, values, zeros, most);
    ShiftedRatios result;
    long double left = zeros;  // for the items that no bound holds, of so many weights
    long double weights = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
        const auto size = static_cast<long double>(items[i].weights);
        result.bounded_below.push_back(values[i] + near < 0);
        result.bounded_above.push_back(values[i] + near > most);
        if (result.bounded_above.back()) {
            left -= most * size;
        } else if (!result.bounded_below.back()) {
            left -= values[i] * size;
            weights += size;
        }
    }
    const long double shift = weights > 0 ? left / weights : near;
    for (const double value : values) {
        result.ratios.push_back(
            static_cast<double>(std::clamp<long double>(value + shift, 0, most)));
    }
    return result;
}

}  // namespace alphaprune::allocation
