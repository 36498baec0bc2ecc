#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels.hpp"

namespace alphaprune::linalg::two_stage {

/// How the lower triangle of a symmetric matrix lies in memory, and who works on what. Square
/// tiles, each contiguous and row-major, one tile column after the other: a tile and what is done
/// with it stay in the cache. The order is padded with zeros to a multiple of kBand; kBand × kBand
/// blocks on the diagonal are kept whole.
///
/// Tile columns are assigned to kLanes lanes of work, whose sums are added up in the order of the
/// lanes: the bits of a result do not depend on how many ranks the lanes are distributed over.
struct Tiling {
    static constexpr std::int64_t kTile = 192;
    static constexpr std::int64_t kTileSize = kTile * kTile;
    static constexpr int kLanes = 8;

    std::int64_t order = 0;

    std::int64_t padded() const { return (order + kBand - 1) / kBand * kBand; }
    std::int64_t tiles() const { return (order + kTile - 1) / kTile; }
    /// Values of all tiles.
    std::int64_t size() const { return tiles() * (tiles() + 1) / 2 * kTileSize; }
    /// Where the tile of row i >= column j starts.
    std::int64_t tile(std::int64_t i, std::int64_t j) const {
        return (j * tiles() - j * (j - 1) / 2 + i - j) * kTileSize;
    }
    /// Rows (or columns) of the padded matrix in tile row i.
    std::int64_t begin(std::int64_t i) const { return i * kTile; }
    std::int64_t end(std::int64_t i) const { return std::min((i + 1) * kTile, padded()); }

    /// Back and forth, so that each lane gets long and short columns.
    static int lane_of_column(std::int64_t j) {
        const auto place = static_cast<int>(j % (2 * kLanes));
        return place < kLanes ? place : 2 * kLanes - 1 - place;
    }
};

/// A rank's part in a team.
struct Share {
    int rank = 0;
    int ranks = 1;

    bool is_root() const { return rank == 0; }
    bool has_lane(int lane) const { return lane % ranks == rank; }
    bool has_row(std::int64_t tile_row) const { return tile_row % ranks == rank; }
};

}  // namespace alphaprune::linalg::two_stage
