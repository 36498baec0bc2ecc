#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>

#include "alphaprune/support/message.hpp"
#include "ratios_at_mean.hpp"

namespace alphaprune::allocation {
namespace {

const support::BadRequest<double, int, int, double> kBeyondPattern{
    "allocation.ratio-beyond-pattern",
    "a sparsity ratio of {} cannot be met: of every {} weights at most {} are removed",
    "one weight of each group stays", "ask for at most {3}, or for unstructured sparsity"};

struct BlockPattern {
    long double weights = 0;
    long double wanted = 0;  ///< M·ratio, the N that would fit exactly
    int removed = 0;
};

/// The blocks with their mean ratios, times M, and the nearest N.
std::vector<BlockPattern> rounded(std::span<const AllocationItem> items,
                                  std::span<const double> ratios, const std::vector<int>& blocks,
                                  int group) {
    std::vector<BlockPattern> patterns(blocks.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
        BlockPattern& pattern = patterns[position_of(blocks, items[i].block)];
        const auto weights = static_cast<long double>(items[i].weights);
        pattern.weights += weights;
        pattern.wanted += weights * ratios[i] * group;
    }
    for (BlockPattern& pattern : patterns) {
        pattern.wanted /= pattern.weights;
        pattern.removed = std::clamp(static_cast<int>(std::lround(pattern.wanted)), 0, group - 1);
    }
    return patterns;
}

/// M times the zeros that are too many; negative where some are missing.
long double surplus_of(const std::vector<BlockPattern>& patterns) {
    long double surplus = 0;
    for (const BlockPattern& pattern : patterns) {
        surplus += (pattern.removed - pattern.wanted) * pattern.weights;
    }
    return surplus;
}

/// Moves by one the block that this takes the least away from its own ratio, if there is one that
/// lessens the surplus. Of equals the first.
bool moved_one(std::vector<BlockPattern>& patterns, int group) {
    const long double surplus = surplus_of(patterns);
    const int step = surplus > 0 ? -1 : 1;
    BlockPattern* best = nullptr;
    long double least = 0;
    for (BlockPattern& pattern : patterns) {
        const int next = pattern.removed + step;
        const bool helps = std::abs(surplus + step * pattern.weights) < std::abs(surplus);
        if (!helps || next < 0 || next >= group) {
            continue;
        }
        const long double cost =
            std::abs(next - pattern.wanted) - std::abs(pattern.removed - pattern.wanted);
        if (best == nullptr || cost < least) {
            best = &pattern;
            least = cost;
        }
    }
    if (best != nullptr) {
        best->removed += step;
    }
    return best != nullptr;
}

void check(std::span<const AllocationItem> items, std::span<const double> ratios, int group) {
    const double most = static_cast<double>(group - 1) / group;
    const double overall = overall_ratio(items, ratios);
    constexpr double kRounding = 1e-12;
    if (!(overall <= most + kRounding)) {
        throw kBeyondPattern(fmt::format("mixed-N:{}", group), overall, group, group - 1, most);
    }
}

}  // namespace

MixedPatterns mixed_patterns(std::span<const AllocationItem> items, std::span<const double> ratios,
                             int group) {
    assert(items.size() == ratios.size() && group >= 2);
    check(items, ratios, group);
    const std::vector<int> blocks = blocks_of(items);
    std::vector<BlockPattern> patterns = rounded(items, ratios, blocks, group);
    while (moved_one(patterns, group)) {
    }
    MixedPatterns result;
    for (const AllocationItem& item : items) {
        const int removed = patterns[position_of(blocks, item.block)].removed;
        result.removed.push_back(removed);
        result.ratios.push_back(static_cast<double>(removed) / group);
    }
    return result;
}

}  // namespace alphaprune::allocation
