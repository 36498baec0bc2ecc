#include "scaling.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace alphaprune::allocation {
namespace {

/// c for the items that are not bounded: what is left of the budget over what they would use.
/// Sums in long double, so that the mean is met to the last bits of a double.
long double scale_of_rest(std::span<const AllocationItem> items, std::span<const double> relative,
                          const std::vector<bool>& bounded, const AllocationOptions& options) {
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

}  // namespace

std::vector<double> relative_ratios(std::span<const double> values, double epsilon) {
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

ScaledRatios scaled_to_mean(std::span<const AllocationItem> items, std::span<const double> relative,
                            const AllocationOptions& options) {
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
    return {std::move(ratios), std::move(bounded)};
}

}  // namespace alphaprune::allocation
