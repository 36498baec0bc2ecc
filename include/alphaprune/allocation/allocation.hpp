#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace alphaprune::allocation {

/// Whether the matrices of a block share one ratio (from the mean of their metrics) or each matrix
/// has its own.
enum class Mapping { block_wise, layer_wise };

/// What an allocation needs to know of a prunable matrix.
struct AllocationItem {
    int block = 0;
    std::int64_t weights = 0;  ///< rows × cols, > 0
    double metric = 0;         ///< NaN where undefined; only alphapruning looks at it
};

struct AllocationOptions {
    double sparsity_ratio = 0.7;  ///< S, the share of all weights to be zero, in [0, 1)
    double epsilon = 0.3;         ///< half-width of the band of ratios before scaling, in [0, 1)
    double max_sparsity = 0.99;   ///< no matrix gets a larger ratio, in (0, 1]
    Mapping mapping = Mapping::block_wise;
};

struct Allocation {
    std::vector<double> ratios;       ///< one a matrix, weighted mean exactly S
    std::vector<int> bounded_blocks;  ///< blocks where max_sparsity was in force, ascending
    std::vector<std::string> notes;   ///< what a user should know: bounds, undefined metrics
};

/// AlphaPruning (arXiv 2410.10912): ratios rise linearly with the metric within 1 ± ε, then are
/// scaled so that their weighted mean is S (docs/methods.md). Ratios over max_sparsity are bounded
/// and the rest shared out in proportion among the others. A matrix whose metric is undefined does
/// not enter its block's mean; a block (or, layer_wise, a matrix) without any defined metric gets
/// the middle of the band, 1 before scaling.
/// @throws Error (bad_request) when S cannot be met, naming the largest S that can; when no metric
///         is defined
Allocation allocate_alphapruning(std::span<const AllocationItem> items,
                                 const AllocationOptions& options);

/// The same ratio S everywhere.
/// @throws Error (bad_request) when S exceeds max_sparsity
Allocation allocate_uniform(std::span<const AllocationItem> items,
                            const AllocationOptions& options);

/// Ratios in arithmetic progression over the blocks, lowest first, within the same ε band, with the
/// same bound.
Allocation allocate_linear_depth(std::span<const AllocationItem> items,
                                 const AllocationOptions& options);

/// Ratios given by the user, one a matrix; they are checked (count, range [0, 1], finite) and taken
/// as they are: S plays no part.
/// @throws Error (bad_request) naming the first impossible ratios
Allocation allocate_given(std::span<const AllocationItem> items, std::span<const double> ratios);

/// Weighted mean of the ratios.
double overall_ratio(std::span<const AllocationItem> items, std::span<const double> ratios);

}  // namespace alphaprune::allocation
