#include "alphaprune/allocation/owl.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "alphaprune/support/error.hpp"
#include "block_list.hpp"
#include "request.hpp"
#include "shifting.hpp"

namespace alphaprune::allocation {
namespace {

void check(const OwlOptions& options, std::span<const double> outlier_shares, std::size_t blocks) {
    support::FaultList faults;
    if (!(options.lambda >= 0 && options.lambda <= 0.5)) {
        faults.add(fmt::format("a lambda of {} is impossible", options.lambda), "OWL",
                   "give a number from 0 to 0.5");
    }
    if (outlier_shares.size() != blocks) {
        faults.add(
            fmt::format("{} shares of outliers for {} blocks", outlier_shares.size(), blocks),
            "OWL", "give one for each block");
    }
    for (const double share : outlier_shares) {
        if (!(share >= 0 && share <= 1)) {
            faults.add(fmt::format("a share of outliers of {} is impossible", share), "OWL",
                       "check the model's weights and the calibration tokens");
        }
    }
    faults.throw_if_any();
}

/// z of each block: its share of outliers, moved to [0, 2λ].
std::vector<double> raised(std::span<const double> shares, double lambda) {
    const auto [least, greatest] = std::ranges::minmax(shares);
    std::vector<double> z(shares.size(), 0.0);
    for (std::size_t b = 0; greatest > least && b < z.size(); ++b) {
        z[b] = (shares[b] - least) / (greatest - least) * 2 * lambda;
    }
    return z;
}

}  // namespace

Allocation allocate_owl(std::span<const AllocationItem> items,
                        std::span<const double> outlier_shares, const OwlOptions& options) {
    check_request(items, {options.sparsity_ratio, 0, options.max_sparsity, Mapping::block_wise});
    const std::vector<int> blocks = blocks_of(items);
    check(options, outlier_shares, blocks.size());
    const std::vector<double> z = raised(outlier_shares, options.lambda);
    std::vector<double> lowered;  // −z of the item's block: the ratio, up to a shift
    for (const AllocationItem& item : items) {
        lowered.push_back(-z[position_of(blocks, item.block)]);
    }
    ShiftedRatios shifted =
        shifted_to_mean(items, lowered, options.sparsity_ratio, options.max_sparsity);
    Allocation result;
    result.ratios = std::move(shifted.ratios);
    result.bounded_blocks =
        blocks_where(items, [&](std::size_t i) { return shifted.bounded_above[i]; });
    if (!result.bounded_blocks.empty()) {
        result.notes.push_back(fmt::format("ratios bounded at {} in blocks {}",
                                           options.max_sparsity,
                                           fmt::join(result.bounded_blocks, ", ")));
    }
    const std::vector<int> dense =
        blocks_where(items, [&](std::size_t i) { return shifted.bounded_below[i]; });
    if (!dense.empty()) {
        result.notes.push_back(fmt::format(
            "blocks {} stay dense: OWL would keep more than all of them", fmt::join(dense, ", ")));
    }
    return result;
}

}  // namespace alphaprune::allocation
