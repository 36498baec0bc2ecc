#pragma once

#include <cstdint>
#include <optional>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/node.hpp"
#include "matrix.hpp"
#include "tiling.hpp"

namespace alphaprune::linalg::two_stage {

/// All that the ranks of a team share while they compute one spectrum: plain memory for a team of
/// one, else the node's shared memory. Not initialized. Made and synced collectively.
template <class Real>
class Workspace {
  public:
    /// Depth of the piece of W that is multiplied at a time.
    static constexpr std::int64_t kDepth = 384;

    /// @param team  ranks of one node; outlives the object
    /// @throws Error (failure) on all ranks when there is not enough memory
    Workspace(const parallel::Communicator& team, std::int64_t order);

    static std::int64_t values_needed(std::int64_t order) {
        const Tiling tiling{order};
        return tiling.size() + std::max(2 * kDepth * tiling.padded(), reduction_values(tiling));
    }

    const Tiling& tiling() const { return tiling_; }
    const Share& share() const { return share_; }
    /// What was written before is seen by all after.
    void sync() {
        if (shared_) {
            shared_->sync();
        }
    }

    Real* tile(std::int64_t i, std::int64_t j) { return start_ + tiling_.tile(i, j); }

    /// A piece of W for the Gram product, twice, as the two factors of a product are read: padded()
    /// rows of `depth` values, and depth × kBand for each kBand rows. They lie where the strips of
    /// the reduction will be.
    Real* piece_rows() { return start_ + tiling_.size(); }
    Real* piece_across(std::int64_t depth) { return piece_rows() + tiling_.padded() * depth; }

    /// Strips are padded() × kBand, row-major: a panel, then its V; one A·V a lane; W.
    Real* panel() { return strip(0); }
    Real* lane(int index) { return strip(1 + index); }
    Real* w() { return strip(1 + Tiling::kLanes); }
    /// Rows of [V W], 2·kBand long.
    Real* both() { return strip(2 + Tiling::kLanes); }
    /// [W V]ᵀ for each kBand rows: 2·kBand × kBand.
    Real* both_across() { return strip(4 + Tiling::kLanes); }
    /// T of the panel, kBand × kBand.
    Real* t() { return strip(kStrips); }
    /// Vᵀ·X of each tile row, kBand × kBand.
    Real* inner(std::int64_t tile_row) { return t() + (1 + tile_row) * kBand * kBand; }
    /// Not zero: the team's first rank has been asked to stop. Beside the strips.
    Real* stop_flag() { return inner(tiling_.tiles()); }

  private:
    static constexpr int kStrips = 6 + Tiling::kLanes;

    static std::int64_t reduction_values(const Tiling& tiling) {
        return (kStrips * tiling.padded() + (1 + tiling.tiles()) * kBand) * kBand + 1;
    }
    Real* strip(int index) { return piece_rows() + index * tiling_.padded() * kBand; }

    Tiling tiling_;
    Share share_;
    AlignedMemory<Real> alone_;
    std::optional<parallel::NodeArray<Real>> shared_;
    Real* start_;
};

}  // namespace alphaprune::linalg::two_stage
