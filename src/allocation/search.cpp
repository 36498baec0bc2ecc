#include "alphaprune/allocation/allocation.hpp"

namespace alphaprune::allocation {

AllocationMethod file_row();

/// Ratios that were found by trials are given ones.
AllocationMethod search_row() {
    return {.name = "search",
            .help = "found by pruning and scoring calibration sequences that were held out",
            .source = "after Sieberling et al., arXiv 2410.14649",
            .needs = AllocationNeeds::trials,
            .has_band = true,
            .has_blocks = true,
            .options = {{.name = "search-evaluations",
                         .argument = "N",
                         .symbol = "N",
                         .help = "candidates that search tries",
                         .fallback = 40,
                         .least = 1,
                         .least_included = true,
                         .most = 10000},
                        {.name = "search-time",
                         .argument = "SECONDS",
                         .symbol = "t",
                         .help = "search tries no further candidate after so long; 0: no limit",
                         .fallback = 0,
                         .least = 0,
                         .least_included = true}},
            .allocate = file_row().allocate};
}

}  // namespace alphaprune::allocation
