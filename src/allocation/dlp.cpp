#include <cmath>

#include "alphaprune/support/message.hpp"
#include "ratios_at_mean.hpp"

namespace alphaprune::allocation {
namespace {

const support::MethodOption kAlpha{.name = "dlp-alpha",
                                   .argument = "A",
                                   .symbol = "α",
                                   .help = "half-width of the band of ratios of dlp",
                                   .fallback = 0.15,
                                   .most = 0.5};

const support::BadRequest<std::size_t, std::size_t> kWrongCount{
    "allocation.wrong-number-of-scores", "{} mean scores for {} blocks",
    "the scores were measured on other blocks", "give one for each block"};
const support::BadRequest<double> kImpossibleScore{
    "allocation.impossible-score", "a mean score of {} is impossible",
    "scores overflowed: damaged weights, or tokens of another model",
    "check the model's weights and the calibration tokens"};

void check(std::span<const double> scores, std::size_t blocks) {
    support::FaultList faults;
    if (scores.size() != blocks) {
        faults.add(kWrongCount("DLP", scores.size(), blocks));
    }
    for (const double score : scores) {
        if (!(score >= 0) || !std::isfinite(score)) {
            faults.add(kImpossibleScore("DLP", score));
        }
    }
    faults.throw_if_any();
}

/// Blocks keep more the smaller their share in the sum of all blocks' mean Wanda scores is.
Allocation allocate(const AllocationRequest& request) {
    check_request(request);
    check(request.values, blocks_of(request.items).size());
    std::vector<double> unimportance;  // 1 − I/ΣI, up to a factor and a shift, which do not count
    for (const double score : request.values) {
        unimportance.push_back(-score);
    }
    return kept_in_band(request, unimportance, support::value_of(kAlpha, request.own));
}

}  // namespace

AllocationMethod dlp_row() {
    return {.name = "dlp",
            .help = "rising with the mean score of a block",
            .source = "Chen et al., arXiv 2505.23807",
            .needs = AllocationNeeds::mean_scores,
            .options = {kAlpha},
            .allocate = allocate};
}

}  // namespace alphaprune::allocation
