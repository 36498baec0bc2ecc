#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>

#include "alphaprune/support/checksum.hpp"
#include "alphaprune/support/message.hpp"
#include "ratios_at_mean.hpp"

namespace alphaprune::allocation {
namespace {

const support::BadRequest<> kNoMetric{
    "allocation.nothing-to-shuffle", "the metric is undefined for every matrix",
    "a metric of eigenvalues needs some that are not zero",
    "check that the weights are not all zero, or choose another metric or --allocation uniform"};
const support::BadRequest<double> kBrokenSeed{
    "allocation.shuffle-seed", "--shuffle-seed {} is not a whole number", "seeds are counted",
    "give a whole number from 0 to 4294967295"};
const support::Warning<std::string> kShuffled{
    "allocation.shuffled",
    "the ratios are a control: each block has the metric of another one (block:from {})",
    "--allocation shuffled was given", "compare them with those of --allocation alphapruning"};

const support::MethodOption kShuffleSeed{
    .name = "shuffle-seed",
    .argument = "N",
    .symbol = "seed",
    .help = "with which shuffled draws whose metric a block has",
    .fallback = 0,
    .least = 0,
    .least_included = true,
    .most = 4294967295};

/// Mean of the defined metrics of a block's matrices; NaN where there is none.
std::vector<double> means_of_blocks(std::span<const AllocationItem> items,
                                    const std::vector<int>& blocks) {
    std::vector<double> sums(blocks.size());
    std::vector<int> defined(blocks.size());
    for (const AllocationItem& item : items) {
        if (std::isfinite(item.metric)) {
            const std::size_t at = position_of(blocks, item.block);
            sums[at] += item.metric;
            ++defined[at];
        }
    }
    for (std::size_t b = 0; b < sums.size(); ++b) {
        sums[b] = defined[b] > 0 ? sums[b] / defined[b] : std::numeric_limits<double>::quiet_NaN();
    }
    return sums;
}

/// A permutation of 0 … count − 1 in one cycle, so that none stays in its place (Sattolo 1986).
/// What is drawn is a function of seed and step alone.
std::vector<std::size_t> one_cycle(std::size_t count, std::uint64_t seed) {
    std::vector<std::size_t> from(count);
    std::iota(from.begin(), from.end(), std::size_t{0});
    for (std::size_t last = count - 1; count > 1 && last > 0; --last) {
        const std::array<std::uint64_t, 1> step{last};
        const std::uint64_t drawn = support::hash_bytes(std::as_bytes(std::span(step)), seed);
        std::swap(from[last], from[drawn % last]);
    }
    return from;
}

/// As alphapruning with one ratio per block, from the mean metric of another block: the same set of
/// ratios before scaling, without what the metric says of the blocks.
Allocation allocate_shuffled(const AllocationRequest& request) {
    check_request(request);
    const double seed = support::value_of(kShuffleSeed, request.own);
    if (std::floor(seed) != seed) {
        throw kBrokenSeed("--shuffle-seed", seed);
    }
    const std::vector<int> blocks = blocks_of(request.items);
    const std::vector<double> means = means_of_blocks(request.items, blocks);
    if (std::ranges::none_of(means, [](double value) { return std::isfinite(value); })) {
        throw kNoMetric("the model's spectra");
    }
    const std::vector<std::size_t> from =
        one_cycle(blocks.size(), static_cast<std::uint64_t>(seed));
    std::vector<double> values;
    for (const AllocationItem& item : request.items) {
        values.push_back(means[from[position_of(blocks, item.block)]]);
    }
    Allocation result = scaled_to_mean(
        request.items, relative_ratios(values, request.options.epsilon), request.options);
    std::vector<std::string> moves;
    for (std::size_t b = 0; b < blocks.size(); ++b) {
        moves.push_back(fmt::format("{}:{}", blocks[b], blocks[from[b]]));
    }
    result.notes.push_back(kShuffled(fmt::format("{}", fmt::join(moves, ", "))));
    return result;
}

}  // namespace

AllocationMethod shuffled_row() {
    return {.name = "shuffled",
            .help = "as alphapruning, but each block has the metric of another: a control",
            .source = "",
            .needs = AllocationNeeds::metric,
            .has_band = true,
            .options = {kShuffleSeed},
            .allocate = allocate_shuffled};
}

}  // namespace alphaprune::allocation
