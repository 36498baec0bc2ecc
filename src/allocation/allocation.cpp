#include "alphaprune/allocation/allocation.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <map>
#include <string_view>
#include <utility>

#include "alphaprune/support/error.hpp"
#include "block_list.hpp"
#include "request.hpp"
#include "scaling.hpp"

namespace alphaprune::allocation {
namespace {

constexpr std::size_t kFaultsShown = 10;

/// The mean metric of each block over its matrices with a defined one, given to every matrix of the
/// block; NaN where there is none.
std::vector<double> means_of_blocks(std::span<const AllocationItem> items) {
    std::map<int, std::pair<double, int>> sums;
    for (const AllocationItem& item : items) {
        auto& [sum, defined] = sums[item.block];
        if (std::isfinite(item.metric)) {
            sum += item.metric;
            ++defined;
        }
    }
    std::vector<double> means;
    for (const AllocationItem& item : items) {
        const auto& [sum, defined] = sums[item.block];
        means.push_back(defined > 0 ? sum / defined : std::numeric_limits<double>::quiet_NaN());
    }
    return means;
}

std::vector<double> metrics_of(std::span<const AllocationItem> items) {
    std::vector<double> metrics;
    for (const AllocationItem& item : items) {
        metrics.push_back(item.metric);
    }
    return metrics;
}

void note_undefined(std::span<const AllocationItem> items, std::vector<std::string>& notes) {
    const auto undefined = [&](std::size_t i) { return !std::isfinite(items[i].metric); };
    const std::vector<int> blocks = blocks_where(items, undefined);
    if (!blocks.empty()) {
        notes.push_back(fmt::format(
            "the metric is undefined for some matrices (blocks {}): they count neither in the mean "
            "of a block nor in the range of the metric",
            fmt::join(blocks, ", ")));
    }
}

/// Scales the relative ratios and says where max_sparsity was in force.
Allocation scaled(std::span<const AllocationItem> items, std::span<const double> relative,
                  const AllocationOptions& options) {
    ScaledRatios found = scaled_to_mean(items, relative, options);
    Allocation result;
    result.ratios = std::move(found.ratios);
    result.bounded_blocks = blocks_where(items, [&](std::size_t i) { return found.bounded[i]; });
    if (!result.bounded_blocks.empty()) {
        result.notes.push_back(fmt::format(
            "ratios bounded at {} in blocks {}; what they could not take is shared out among the "
            "others",
            options.max_sparsity, fmt::join(result.bounded_blocks, ", ")));
    }
    return result;
}

}  // namespace

Allocation allocate_alphapruning(std::span<const AllocationItem> items,
                                 const AllocationOptions& options) {
    check_request(items, options);
    const std::vector<double> values =
        options.mapping == Mapping::block_wise ? means_of_blocks(items) : metrics_of(items);
    if (std::ranges::none_of(values, [](double value) { return std::isfinite(value); })) {
        throw support::bad_request(
            "the metric is undefined for every matrix", "the model's spectra",
            "check that the weights are not all zero, or choose another metric or "
            "--allocation uniform");
    }
    Allocation result = scaled(items, relative_ratios(values, options.epsilon), options);
    note_undefined(items, result.notes);
    return result;
}

Allocation allocate_uniform(std::span<const AllocationItem> items,
                            const AllocationOptions& options) {
    check_request(items, options);
    return {std::vector<double>(items.size(), options.sparsity_ratio), {}, {}};
}

Allocation allocate_linear_depth(std::span<const AllocationItem> items,
                                 const AllocationOptions& options) {
    check_request(items, options);
    const std::vector<int> blocks = blocks_of(items);
    std::vector<double> depths;
    for (const AllocationItem& item : items) {
        depths.push_back(static_cast<double>(position_of(blocks, item.block)));
    }
    return scaled(items, relative_ratios(depths, options.epsilon), options);
}

Allocation allocate_given(std::span<const AllocationItem> items, std::span<const double> ratios) {
    constexpr std::string_view kWhere = "the given ratios";
    if (ratios.size() != items.size()) {
        throw support::bad_request(
            fmt::format("{} ratios for {} matrices", ratios.size(), items.size()),
            std::string(kWhere), "give one ratio for each prunable matrix, in order");
    }
    support::FaultList faults;
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < ratios.size(); ++i) {
        const bool right = ratios[i] >= 0 && ratios[i] <= 1;  // false for NaN
        if (!right && ++wrong <= kFaultsShown) {
            faults.add(fmt::format("ratio {} of matrix {} (block {}) is impossible", ratios[i], i,
                                   items[i].block),
                       std::string(kWhere), "give numbers from 0 to 1");
        }
    }
    if (wrong > kFaultsShown) {
        faults.add(fmt::format("{} more ratios are impossible", wrong - kFaultsShown),
                   std::string(kWhere), "give numbers from 0 to 1");
    }
    faults.throw_if_any();
    return {std::vector<double>(ratios.begin(), ratios.end()), {}, {}};
}

double overall_ratio(std::span<const AllocationItem> items, std::span<const double> ratios) {
    assert(items.size() == ratios.size());
    long double zeros = 0;
    long double weights = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
        const auto size = static_cast<long double>(items[i].weights);
        zeros += ratios[i] * size;
        weights += size;
    }
    return static_cast<double>(zeros / weights);
}

}  // namespace alphaprune::allocation
