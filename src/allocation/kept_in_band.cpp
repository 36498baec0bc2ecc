#include <utility>

#include "alphaprune/support/message.hpp"
#include "ratios_at_mean.hpp"

namespace alphaprune::allocation {
namespace {

const support::Warning<double, std::string> kBounded{
    "allocation.bounded", "ratios bounded at {} in blocks {}",
    "no matrix may lose more than --max-sparsity",
    "narrow the band (--owl-lambda, --dlp-alpha) or lower --sparsity-ratio where this is not "
    "wanted"};
const support::Warning<std::string> kStayDense{
    "allocation.blocks-stay-dense",
    "blocks {} stay dense: the allocation would keep more than all of them",
    "the ratio asked for is smaller than what the band takes from it",
    "narrow the band (--owl-lambda, --dlp-alpha)"};

/// z of each block.
std::vector<double> raised(std::span<const double> values, double half_width) {
    const auto [least, greatest] = std::ranges::minmax(values);
    std::vector<double> z(values.size(), 0.0);
    for (std::size_t b = 0; greatest > least && b < z.size(); ++b) {
        z[b] = (values[b] - least) / (greatest - least) * 2 * half_width;
    }
    return z;
}

}  // namespace

Allocation kept_in_band(const AllocationRequest& request, std::span<const double> values,
                        double half_width) {
    const std::span<const AllocationItem> items = request.items;
    const double most = request.options.max_sparsity;
    const std::vector<int> blocks = blocks_of(items);
    const std::vector<double> z = raised(values, half_width);
    std::vector<double> lowered;  // −z of the item's block: the ratio, up to a shift
    for (const AllocationItem& item : items) {
        lowered.push_back(-z[position_of(blocks, item.block)]);
    }
    ShiftedRatios shifted = shifted_to_mean(items, lowered, request.options.sparsity_ratio, most);
    Allocation result{std::move(shifted.ratios), {}, {}};
    result.bounded_blocks =
        blocks_where(items, [&](std::size_t i) { return shifted.bounded_above[i]; });
    if (!result.bounded_blocks.empty()) {
        result.notes.push_back(kBounded(most, listed(result.bounded_blocks)));
    }
    const std::vector<int> dense =
        blocks_where(items, [&](std::size_t i) { return shifted.bounded_below[i]; });
    if (!dense.empty()) {
        result.notes.push_back(kStayDense(listed(dense)));
    }
    return result;
}

}  // namespace alphaprune::allocation
