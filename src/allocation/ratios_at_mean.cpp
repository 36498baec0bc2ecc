#include "ratios_at_mean.hpp"

#include <fmt/ranges.h>

#include <cmath>
#include <limits>
#include <utility>

#include "alphaprune/support/message.hpp"

namespace alphaprune::allocation {
namespace {

using Items = std::span<const AllocationItem>;
using Values = std::span<const double>;

const support::Warning<double, std::string> kBounded{
    "allocation.bounded-shared-out",
    "ratios bounded at {} in blocks {}; what they could not take is shared out among the others",
    "no matrix may lose more than --max-sparsity",
    "lower --epsilon or --sparsity-ratio where this is not wanted"};

/// c for the items that are not bounded: what is left of the budget over what they would use.
/// Sums in long double, so that the mean is met to the last bits of a double.
long double scale_of_rest(Items items, Values relative, const std::vector<bool>& bounded,
                          const AllocationOptions& options) {
    long double budget = 0;
    long double use = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
        const auto weights = static_cast<long double>(items[i].weights);
        budget += options.sparsity_ratio * weights;
        if (bounded[i]) {
            budget -= options.max_sparsity * weights;
        } else {
            use += relative[i] * weights;
        }
    }
    return use > 0 ? budget / use : 0;
}

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

std::string listed(const std::vector<int>& blocks) {
    return fmt::format("{}", fmt::join(blocks, ", "));
}

std::vector<double> relative_ratios(Values values, double epsilon) {
    double least = std::numeric_limits<double>::infinity();
    double greatest = -least;
    for (const double value : values) {
        if (std::isfinite(value)) {
            least = std::min(least, value);
            greatest = std::max(greatest, value);
        }
    }
    std::vector<double> ratios(values.size(), 1.0);
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (std::isfinite(values[i]) && greatest > least) {
            const double position = (values[i] - least) / (greatest - least);
            ratios[i] = position * 2 * epsilon + (1 - epsilon);
        }
    }
    return ratios;
}

Allocation scaled_to_mean(Items items, Values relative, const AllocationOptions& options) {
    std::vector<double> ratios(items.size());
    std::vector<bool> bounded(items.size(), false);
    for (bool settled = false; !settled;) {
        settled = true;
        const long double scale = scale_of_rest(items, relative, bounded, options);
        for (std::size_t i = 0; i < items.size(); ++i) {
            if (bounded[i]) {
                continue;
            }
            ratios[i] = static_cast<double>(scale * relative[i]);
            if (ratios[i] > options.max_sparsity) {
                ratios[i] = options.max_sparsity;
                bounded[i] = true;  // c only grows from here, so it stays bounded
                settled = false;
            }
        }
    }
    Allocation result{std::move(ratios), {}, {}};
    result.bounded_blocks = blocks_where(items, [&](std::size_t i) { return bounded[i]; });
    if (!result.bounded_blocks.empty()) {
        result.notes.push_back(kBounded(options.max_sparsity, listed(result.bounded_blocks)));
    }
    return result;
}

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
