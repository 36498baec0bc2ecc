#include "ratios_at_mean.hpp"

namespace alphaprune::allocation {
namespace {

/// Ratios in arithmetic progression over the blocks, lowest first, within the band that
/// AlphaPruning has, with the same bound.
Allocation allocate(const AllocationRequest& request) {
    check_request(request);
    const std::vector<int> blocks = blocks_of(request.items);
    std::vector<double> depths;
    for (const AllocationItem& item : request.items) {
        depths.push_back(static_cast<double>(position_of(blocks, item.block)));
    }
    return scaled_to_mean(request.items, relative_ratios(depths, request.options.epsilon),
                          request.options);
}

}  // namespace

AllocationMethod linear_depth_row() {
    return {.name = "linear_depth",
            .help = "rising from block to block",
            .source = "",
            .has_band = true,
            .allocate = allocate};
}

}  // namespace alphaprune::allocation
