#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/spectrum/farms.hpp"

namespace alphaprune::planning {

/// Some windows of one matrix, which one rank does in one go.
struct WindowBatch {
    int matrix = 0;
    std::size_t first = 0;  ///< index into the matrix' windows
    std::size_t last = 0;   ///< behind the last one
};

/// All work of FARMS, the same on every rank.
struct FarmsPlan {
    std::vector<std::vector<linalg::Rectangle>> windows;  ///< as in Catalogue::matrices
    std::vector<WindowBatch> batches;  ///< in the order in which they are handed out

    std::span<const linalg::Rectangle> windows_of(const WindowBatch& batch) const {
        return std::span(windows[static_cast<std::size_t>(batch.matrix)])
            .subspan(batch.first, batch.last - batch.first);
    }
    std::size_t total_windows() const;
    /// Those in batches.
    std::size_t windows_to_do() const;
    /// How many eigenvalues the windows of a matrix have together.
    std::size_t pool_size(int matrix) const;
};

/// Matrices with the most expensive windows come first; those of one matrix follow one another, so
/// that few matrices are unfinished at a time. A batch is large enough that asking for it costs
/// nothing beside it, and small enough that all ranks end together.
FarmsPlan plan_farms(const model::Catalogue& catalogue, const spectrum::FarmsOptions& options,
                     int ranks);

/// Estimated work of a window, in the unit of spectrum_cost.
double window_cost(const linalg::Rectangle& window);

}  // namespace alphaprune::planning
