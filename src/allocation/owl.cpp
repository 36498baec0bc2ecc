#include <utility>

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
const support::Warning<double, std::string> kBounded{
    "allocation.bounded", "ratios bounded at {} in blocks {}",
    "no matrix may lose more than --max-sparsity",
    "lower --owl-lambda or --sparsity-ratio where this is not wanted"};
const support::Warning<std::string> kStayDense{
    "allocation.blocks-stay-dense", "blocks {} stay dense: OWL would keep more than all of them",
    "the ratio asked for is smaller than what outliers take from it", "lower --owl-lambda"};

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

/// z of each block: its share of outliers, moved to [0, 2λ].
std::vector<double> raised(std::span<const double> shares, double lambda) {
    const auto [least, greatest] = std::ranges::minmax(shares);
    std::vector<double> z(shares.size(), 0.0);
    for (std::size_t b = 0; greatest > least && b < z.size(); ++b) {
        z[b] = (shares[b] - least) / (greatest - least) * 2 * lambda;
    }
    return z;
}

/// Blocks with more outliers among their Wanda scores keep more. With LOD the share of outliers of
/// a block and z = (LOD − min)/(max − min)·2λ, a block keeps z − mean z + (1 − S); the mean is
/// weighted with the blocks' sizes, so that the weighted mean of the ratios is exactly S. Ratios
/// beyond 0 or max_sparsity are bounded, and the rest shifted together until the mean is met again.
Allocation allocate(const AllocationRequest& request) {
    const std::span<const AllocationItem> items = request.items;
    const double most = request.options.max_sparsity;
    const double lambda = support::value_of(kLambda, request.own);
    check_request(request);
    const std::vector<int> blocks = blocks_of(items);
    check(lambda, request.values, blocks.size());
    const std::vector<double> z = raised(request.values, lambda);
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
