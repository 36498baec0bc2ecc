#include "alphaprune/allocation/allocation.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::allocation {
namespace {

constexpr auto kWhere = "the given ratios";

const support::BadRequest<std::size_t, std::size_t> kWrongCount{
    "allocation.wrong-number-of-ratios", "{} ratios for {} matrices",
    "the file was written for another model or another choice of matrices",
    "give one ratio for each prunable matrix, in order"};
const support::BadRequest<double, std::size_t, int> kImpossible{
    "allocation.impossible-given-ratio", "ratio {} of matrix {} (block {}) is impossible",
    "a ratio is the share of a matrix's weights that become zero", "give numbers from 0 to 1"};
const support::BadRequest<std::size_t> kMoreImpossible{
    "allocation.more-impossible-ratios", "{} more ratios are impossible",
    "only the first ones are named", "give numbers from 0 to 1"};

/// The user's ratios as they are, once checked: S plays no part.
Allocation allocate(const AllocationRequest& request) {
    constexpr std::size_t kFaultsShown = 10;
    const std::span<const double> ratios = request.values;
    if (ratios.size() != request.items.size()) {
        throw kWrongCount(kWhere, ratios.size(), request.items.size());
    }
    support::FaultList faults;
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < ratios.size(); ++i) {
        const bool right = ratios[i] >= 0 && ratios[i] <= 1;  // false for NaN
        if (!right && ++wrong <= kFaultsShown) {
            faults.add(kImpossible(kWhere, ratios[i], i, request.items[i].block));
        }
    }
    if (wrong > kFaultsShown) {
        faults.add(kMoreImpossible(kWhere, wrong - kFaultsShown));
    }
    faults.throw_if_any();
    return {std::vector<double>(ratios.begin(), ratios.end()), {}, {}};
}

}  // namespace

AllocationMethod file_row() {
    return {.name = "file",
            .help = "one ratio per matrix (.npy or .csv)",
            .source = "",
            .needs = AllocationNeeds::ratio_file,
            .allocate = allocate};
}

}  // namespace alphaprune::allocation
