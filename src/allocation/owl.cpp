#include "alphaprune/support/message.hpp"
#include "ratios_at_mean.hpp"

namespace alphaprune::allocation {
namespace {

const support::MethodOption kLambda{.name = "owl-lambda",
                                    .argument = "L",
                                    .symbol = "λ",
                                    .help = "half-width of the band of ratios of owl",
                                    .fallback = 0.08,
                                    .most = 0.5};
const support::MethodOption kMultiple{
    .name = "owl-m",
    .argument = "M",
    .symbol = "M",
    .help = "outliers of owl are weights that score above M times the mean of their block",
    .fallback = 5};

const support::BadRequest<double> kImpossibleLambda{
    "allocation.impossible-lambda", "a lambda of {} is impossible",
    "no block can keep less than nothing or more than all of its weights",
    "give a number from 0 to 0.5"};
const support::BadRequest<std::size_t, std::size_t> kWrongCount{
    "allocation.wrong-number-of-shares", "{} shares of outliers for {} blocks",
    "the shares were measured on other blocks", "give one for each block"};
const support::BadRequest<double> kImpossibleShare{
    "allocation.impossible-share", "a share of outliers of {} is impossible",
    "scores overflowed: damaged weights, or tokens of another model",
    "check the model's weights and the calibration tokens"};
void check(double lambda, std::span<const double> shares, std::size_t blocks) {
    support::FaultList faults;
    if (!(lambda >= 0 && lambda <= 0.5)) {
        faults.add(kImpossibleLambda("OWL", lambda));
    }
    if (shares.size() != blocks) {
        faults.add(kWrongCount("OWL", shares.size(), blocks));
    }
    for (const double share : shares) {
        if (!(share >= 0 && share <= 1)) {
            faults.add(kImpossibleShare("OWL", share));
        }
    }
    faults.throw_if_any();
}

/// Blocks with more outliers among their Wanda scores keep more.
Allocation allocate(const AllocationRequest& request) {
    const double lambda = support::value_of(kLambda, request.own);
    check_request(request);
    check(lambda, request.values, blocks_of(request.items).size());
    return kept_in_band(request, request.values, lambda);
}

}  // namespace

AllocationMethod owl_row() {
    return {.name = "owl",
            .help = "falling with the share of outliers among the scores of a block",
            .source = "Yin et al., arXiv 2310.05175",
            .needs = AllocationNeeds::outlier_shares,
            .options = {kLambda, kMultiple},
            .allocate = allocate,
            .outlier_multiple = [](const support::MethodValues& own) {
                return support::value_of(kMultiple, own);
            }};
}

}  // namespace alphaprune::allocation
