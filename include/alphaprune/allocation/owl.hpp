#pragma once

#include <span>

#include "alphaprune/allocation/allocation.hpp"

namespace alphaprune::allocation {

struct OwlOptions {
    double sparsity_ratio = 0.7;  ///< S, in [0, 1)
    double lambda = 0.08;         ///< half-width of the band of keep ratios, in [0, 0.5]
    double max_sparsity = 0.99;   ///< no matrix gets a larger ratio, in (0, 1]
};

/// OWL (arXiv 2310.05175): blocks with more outliers among their Wanda scores keep more. With LOD
/// the share of outliers of a block and z = (LOD − min)/(max − min)·2λ, a block keeps
/// z − mean z + (1 − S); the mean is weighted with the blocks' sizes, so that the weighted mean of
/// the ratios is exactly S. Ratios beyond 0 or max_sparsity are bounded, and the rest shifted
/// together until the mean is met again.
/// @param outlier_shares  one for each block that the items name, in ascending order of blocks
/// @throws Error (bad_request) when S cannot be met; when the shares are no shares or not one a
///         block
Allocation allocate_owl(std::span<const AllocationItem> items,
                        std::span<const double> outlier_shares, const OwlOptions& options);

}  // namespace alphaprune::allocation
