#include <algorithm>

#include "alphaprune/allocation/ratio_search.hpp"

namespace alphaprune::allocation {
namespace {

const support::MethodOption kEvaluations{.name = "search-evaluations",
                                         .argument = "N",
                                         .symbol = "N",
                                         .help = "candidates that search tries",
                                         .fallback = 40,
                                         .least = 1,
                                         .least_included = true,
                                         .most = 10000};
const support::MethodOption kTime{
    .name = "search-time",
    .argument = "SECONDS",
    .symbol = "t",
    .help = "search tries no further candidate after so long; 0: no limit",
    .fallback = 0,
    .least = 0,
    .least_included = true};

}  // namespace

AllocationMethod file_row();

/// Ratios that were found by trials are given ones.
AllocationMethod search_row() {
    return {.name = "search",
            .help = "found by pruning and scoring calibration sequences that were held out",
            .source = "after Sieberling et al., arXiv 2410.14649",
            .needs = AllocationNeeds::trials,
            .has_band = true,
            .has_blocks = true,
            .options = {kEvaluations, kTime},
            .allocate = file_row().allocate};
}

SearchLimits search_limits(const AllocationOptions& options, const support::MethodValues& own) {
    SearchLimits limits;
    limits.sparsity_ratio = options.sparsity_ratio;
    limits.most = std::max(options.sparsity_ratio, std::min(limits.most, options.max_sparsity));
    limits.evaluations = static_cast<int>(support::value_of(kEvaluations, own));
    limits.seconds = support::value_of(kTime, own);
    return limits;
}

}  // namespace alphaprune::allocation
