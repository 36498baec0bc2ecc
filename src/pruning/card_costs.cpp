#include "card_costs.hpp"

#include <algorithm>

namespace alphaprune::pruning {
namespace {

/// Pairs of inputs whose products are computed: a strip of rows from its diagonal on at a time, as
/// the sums on a card do it.
double computed_pairs(std::int64_t cols) {
    constexpr std::int64_t kStrip = 4096;
    double pairs = 0;
    for (std::int64_t row = 0; row < cols; row += kStrip) {
        pairs +=
            static_cast<double>(std::min(kStrip, cols - row)) * static_cast<double>(cols - row);
    }
    return pairs;
}

double cube(std::int64_t cols) {
    return static_cast<double>(cols) * static_cast<double>(cols) * static_cast<double>(cols);
}

}  // namespace

SiteCost card_statistics_cost(const SiteWork& work) {
    constexpr double kSequencesInFloat = 8;  // between two additions in float64
    const auto cols = static_cast<double>(work.cols);
    const double companions = (work.outputs.dense != 0 ? cols : 0) +
                              (work.outputs.residual != 0 ? double(work.residual_rows) : 0);
    const double sums = (cols + companions) * cols;
    const double vectors = work.own_sequences * static_cast<double>(work.tokens);
    SiteCost cost;
    cost.sum_flops = 2 * vectors * (computed_pairs(work.cols) + companions * cols);
    cost.bytes_moved =
        work.own_sequences / kSequencesInFloat * sums * (sizeof(float) + 2.0 * sizeof(double));
    cost.bytes_summed_by_nodes =  // of what is symmetric half
        work.ranks > 1 ? (cols / 2 + companions) * cols * sizeof(double) : 0;
    cost.memory = static_cast<std::uint64_t>(sums) * sizeof(double);
    cost.gathering_memory = static_cast<std::uint64_t>(sums) * sizeof(float);
    if (work.outputs.dense != 0) {  // x − x̃ of a sequence
        cost.common_memory = static_cast<std::uint64_t>(work.tokens * work.cols) * sizeof(float);
    }
    return cost;
}

std::uint64_t card_factor_memory(std::int64_t cols) {
    constexpr std::uint64_t kBytesOfPair = 20;
    return kBytesOfPair * static_cast<std::uint64_t>(cols * cols);
}

SiteCost card_fit_cost(const SiteWork& work) {
    SiteCost cost;
    if (work.outputs.any()) {
        cost.double_flops = cube(work.cols);
        cost.flops = 4 * work.weights / work.ranks * static_cast<double>(work.cols);
        cost.working_memory = card_factor_memory(work.cols);
    }
    return cost;
}

SiteCost card_hessian_pruner_cost(const SiteWork& work, double products, double factorizations) {
    // Of a weight, for each product: what chooses the support, sums and scalar products.
    constexpr double kChosenSeconds = 1.75e-10;
    constexpr double kBytesOfWeight = 30;  // B₀, R, B*, the result, and what steps are made of
    const double own = work.weights / work.ranks;
    if (work.outputs.any()) {  // their gradient, and the minimizer
        products += 2;
        factorizations += work.matrices;
    }
    SiteCost cost = card_statistics_cost(work);
    cost.double_flops = factorizations * cube(work.cols);
    cost.flops = 2 * products * own * static_cast<double>(work.cols);
    cost.seconds = kChosenSeconds * products * own;
    cost.working_memory = card_factor_memory(work.cols) +
                          static_cast<std::uint64_t>(kBytesOfWeight * work.largest / work.ranks);
    return cost;
}

}  // namespace alphaprune::pruning
