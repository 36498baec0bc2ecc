#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "alphaprune/support/message.hpp"
#include "ratios_at_mean.hpp"

namespace alphaprune::allocation {
namespace {

const support::BadRequest<> kUndefined{
    "allocation.metric-undefined", "the metric is undefined for every matrix",
    "a metric of eigenvalues needs some that are not zero",
    "check that the weights are not all zero, or choose another metric or --allocation uniform"};
const support::Warning<std::string> kPartlyUndefined{
    "allocation.metric-partly-undefined",
    "the metric is undefined for some matrices (blocks {}): they count neither in the mean of a "
    "block nor in the range of the metric",
    "a metric of eigenvalues needs some that are not zero", "check the weights of these blocks"};

/// The mean metric of each block, or of each of its experts and of its others, over the matrices
/// with a defined one, given to every one of them; NaN where there is none.
std::vector<double> means_of_groups(std::span<const AllocationItem> items, Mapping mapping) {
    const auto group_of = [&](const AllocationItem& item) {
        return std::pair(item.block, mapping == Mapping::expert_wise ? item.expert : -1);
    };
    std::map<std::pair<int, int>, std::pair<double, int>> sums;
    for (const AllocationItem& item : items) {
        auto& [sum, defined] = sums[group_of(item)];
        if (std::isfinite(item.metric)) {
            sum += item.metric;
            ++defined;
        }
    }
    std::vector<double> means;
    for (const AllocationItem& item : items) {
        const auto& [sum, defined] = sums[group_of(item)];
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
        notes.push_back(kPartlyUndefined(listed(blocks)));
    }
}

/// Ratios rise linearly with the metric within 1 ± ε, then are scaled so that their weighted mean
/// is S (docs/methods.md). Ratios over max_sparsity are bounded and the rest shared out in
/// proportion among the others. A matrix whose metric is undefined does not enter its block's mean;
/// a block (or what else shares a ratio) without any defined metric gets the middle of the band, 1
/// before scaling.
Allocation allocate(const AllocationRequest& request) {
    check_request(request);
    const AllocationOptions& options = request.options;
    const std::vector<double> values = options.mapping == Mapping::layer_wise
                                           ? metrics_of(request.items)
                                           : means_of_groups(request.items, options.mapping);
    if (std::ranges::none_of(values, [](double value) { return std::isfinite(value); })) {
        throw kUndefined("the model's spectra");
    }
    Allocation result =
        scaled_to_mean(request.items, relative_ratios(values, options.epsilon), options);
    note_undefined(request.items, result.notes);
    return result;
}

}  // namespace

AllocationMethod alphapruning_row() {
    return {.name = "alphapruning",
            .help = "linear in a metric of the spectra",
            .source = "Lu et al., arXiv 2410.10912",
            .needs = AllocationNeeds::metric,
            .has_band = true,
            .has_blocks = true,
            .allocate = allocate};
}

}  // namespace alphaprune::allocation
