#pragma once

#include <cstdint>
#include <memory>

namespace alphaprune::two_stage {

/// The lower triangle of a symmetric matrix in square tiles, each contiguous and row-major, one
/// block column after the other, so that a tile and what is done with it stay in the cache.
/// Blocks on the diagonal of kBand × kBand are kept whole. Rows are padded with zeros to a multiple
/// of kBand.
template <class Real>
class TiledMatrix {
  public:
    static constexpr std::int64_t kTile = 192;

    /// @param lower  order × order, column-major; its lower triangle is read, multiplied by `scale`
    /// @throws Error (failure) when the memory is not to be had
    TiledMatrix(const Real* lower, std::int64_t order, Real scale);

    /// Bytes that such a matrix takes.
    static std::uint64_t bytes(std::int64_t order);

    std::int64_t order() const { return order_; }
    std::int64_t padded() const { return padded_; }
    std::int64_t tiles() const { return tiles_; }
    /// Tile of block row i >= block column j.
    Real* tile(std::int64_t i, std::int64_t j) {
        return values_.get() + (j * tiles_ - j * (j - 1) / 2 + i - j) * kTile * kTile;
    }

  private:
    void fill(const Real* lower, std::int64_t i, std::int64_t j, Real scale);

    struct Free {
        void operator()(Real* values) const;
    };
    std::int64_t order_;
    std::int64_t padded_;
    std::int64_t tiles_;
    std::unique_ptr<Real[], Free> values_;
};

}  // namespace alphaprune::two_stage
