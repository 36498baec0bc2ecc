#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/support/method_option.hpp"

namespace alphaprune::allocation {

/// Which matrices share one ratio, from the mean of their metrics: those of a block; each has its
/// own; or those of a block's expert, and the block's others.
enum class Mapping { block_wise, layer_wise, expert_wise };
/// By their place in the enumeration, as --mapping-type has them.
inline constexpr std::array<std::string_view, 3> kMappingNames{"block_wise", "layer_wise",
                                                               "expert_wise"};
inline constexpr std::string_view name_of(Mapping mapping) {
    return kMappingNames[static_cast<std::size_t>(mapping)];
}

/// What an allocation needs to know of a prunable matrix.
struct AllocationItem {
    int block = 0;
    std::int64_t weights = 0;  ///< rows × cols, > 0
    double metric = 0;         ///< NaN where undefined; for allocations that need a metric
    int expert = -1;           ///< of the block's mixture that it belongs to; −1: to none
};

/// Settings that several allocations share.
struct AllocationOptions {
    double sparsity_ratio = 0.7;  ///< S, the share of all weights to be zero, in [0, 1)
    double epsilon = 0.3;         ///< half-width of the band of ratios before scaling, in [0, 1)
    double max_sparsity = 0.99;   ///< no matrix gets a larger ratio, in (0, 1]
    Mapping mapping = Mapping::block_wise;
};

/// What an allocation is made from besides the sizes of the matrices.
enum class AllocationNeeds {
    nothing,
    metric,          ///< of every matrix
    outlier_shares,  ///< of the scores of each block, which depend on activations
    mean_scores,     ///< of each block
    trials,          ///< ratios that a search has found by pruning and scoring
    ratio_file,      ///< ratios that the user has written: --allocation NAME:PATH
};

/// All that an allocation looks at.
struct AllocationRequest {
    std::span<const AllocationItem> items;
    AllocationOptions options = {};
    /// As the allocation needs it: an outlier share or a mean score for each block that the items
    /// name, in ascending order of blocks; or ratios, one per matrix, of the user or of a search.
    std::span<const double> values = {};
    support::MethodValues own = {};  ///< its own options
};

struct Allocation {
    std::vector<double> ratios;       ///< one per matrix, weighted mean exactly S
    std::vector<int> bounded_blocks;  ///< blocks where max_sparsity was in force, ascending
    std::vector<std::string> notes;   ///< what a user should know: bounds, undefined metrics
};

/// An allocation: one row of the table from which the option --allocation, its help and conflicts,
/// the plan of a run, its identity and its documents come.
struct AllocationMethod {
    std::string_view name;    ///< value of --allocation, words joined by underscores
    std::string_view help;    ///< one clause for --help
    std::string_view source;  ///< paper; empty: this project's own
    AllocationNeeds needs = AllocationNeeds::nothing;
    bool has_band = false;                            ///< --epsilon has an effect
    bool has_blocks = false;                          ///< --mapping-type has an effect
    std::vector<support::MethodOption> options = {};  ///< its own
    /// A pure function. @throws Error (bad_request) when S cannot be met, naming the largest S that
    /// can, and when something of the request is out of its range
    Allocation (*allocate)(const AllocationRequest& request) = nullptr;
    /// For those that need outlier shares: an outlier scores above so many times the mean.
    double (*outlier_multiple)(const support::MethodValues& own) = nullptr;

    /// Candidates are pruned and scored.
    bool is_searched() const { return needs == AllocationNeeds::trials; }
    bool needs_activations() const { return needs_scores() || is_searched(); }
    /// Of the weights of each block.
    bool needs_scores() const {
        return needs == AllocationNeeds::outlier_shares || needs == AllocationNeeds::mean_scores;
    }
    /// A search begins with ratios that follow it.
    bool needs_metric() const { return needs == AllocationNeeds::metric || is_searched(); }
    /// The ratios come out of S, instead of being given.
    bool is_computed() const { return needs != AllocationNeeds::ratio_file; }
};

/// The table, the default first.
std::span<const AllocationMethod> allocations();
const AllocationMethod& default_allocation();
/// The one that gives every matrix the ratio S, as a fixed N:M does.
const AllocationMethod& uniform_allocation();
/// @param value  of --allocation: a name, followed by ":PATH" where it needs a file
/// @return nullptr for an unknown name
const AllocationMethod* find_allocation(std::string_view value);

/// Checks that there is something to allocate to and that every option lies in its range.
/// @throws Error (bad_request) with every fault found, also when the ratio asked for exceeds
///         max_sparsity and so cannot be met
void check_request(const AllocationRequest& request);

/// Weighted mean of the ratios.
double overall_ratio(std::span<const AllocationItem> items, std::span<const double> ratios);

/// N of N:M for each matrix, and what comes of it.
struct MixedPatterns {
    std::vector<int> removed;    ///< N, one per matrix, the same within a block; 0 leaves it dense
    std::vector<double> ratios;  ///< N/M, one per matrix
};

/// Mixed N:M sparsity (AlphaPruning, arXiv 2410.10912): the N of a block follows its ratio, the
/// weighted mean over its matrices: N = round(M·s), from 0 to M−1. Then blocks are moved by one,
/// those first where it costs least, as long as that brings the weighted mean of N/M nearer to that
/// of the ratios. What remains is at most half of what a step of the smallest block that can still
/// be moved makes: 1/(2·M·blocks) with equal blocks.
/// @param ratios  one per matrix
/// @param group   M, 2 to 16
/// @throws Error (bad_request) when the mean of the ratios exceeds (M−1)/M
MixedPatterns mixed_patterns(std::span<const AllocationItem> items, std::span<const double> ratios,
                             int group = 8);

}  // namespace alphaprune::allocation
