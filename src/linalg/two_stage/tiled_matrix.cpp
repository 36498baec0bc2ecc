#include "tiled_matrix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "alphaprune/support/error.hpp"
#include "alphaprune/support/machine.hpp"
#include "kernels.hpp"

namespace alphaprune::two_stage {
namespace {

std::int64_t tiles_across(std::int64_t order, std::int64_t tile) {
    return (order + tile - 1) / tile;
}

}  // namespace

template <class Real>
std::uint64_t TiledMatrix<Real>::bytes(std::int64_t order) {
    const std::int64_t tiles = tiles_across(order, kTile);
    return static_cast<std::uint64_t>(tiles * (tiles + 1) / 2) * kTile * kTile * sizeof(Real);
}

template <class Real>
TiledMatrix<Real>::TiledMatrix(const Real* lower, std::int64_t order, Real scale)
    : order_(order),
      padded_((order + kBand - 1) / kBand * kBand),
      tiles_(tiles_across(order, kTile)) {
    constexpr std::size_t kLine = 64;
    values_.reset(static_cast<Real*>(std::aligned_alloc(kLine, bytes(order))));
    if (!values_) {
        throw failure(fmt::format("no memory for the triangle of a {0}x{0} matrix ({1})", order,
                                  human_bytes(bytes(order))),
                      host_name(),
                      "give each rank more memory, or let more ranks share one matrix");
    }
    for (std::int64_t j = 0; j < tiles_; ++j) {
        for (std::int64_t i = j; i < tiles_; ++i) {
            fill(lower, i, j, scale);
        }
    }
}

/// A few columns at a time are read along and written across, so that both sides stay in the cache.
template <class Real>
void TiledMatrix<Real>::fill(const Real* lower, std::int64_t i, std::int64_t j, Real scale) {
    constexpr std::int64_t kTogether = 16;
    Real* const values = tile(i, j);
    std::fill_n(values, kTile * kTile, Real(0));
    const std::int64_t rows = std::min(kTile, order_ - i * kTile);
    const std::int64_t cols = std::min(kTile, order_ - j * kTile);
    const Real* const corner = lower + j * kTile * order_ + i * kTile;
    for (std::int64_t first = 0; first < cols; first += kTogether) {
        const std::int64_t last = std::min(first + kTogether, cols);
        for (std::int64_t r = i == j ? first : 0; r < rows; ++r) {
            for (std::int64_t c = first; c < (i == j ? std::min(last, r + 1) : last); ++c) {
                values[r * kTile + c] = corner[c * order_ + r] * scale;
            }
        }
    }
    for (std::int64_t r = 0; i == j && r < rows; ++r) {
        for (std::int64_t c = r + 1; c < cols; ++c) {
            values[r * kTile + c] = values[c * kTile + r];
        }
    }
}

template <class Real>
void TiledMatrix<Real>::Free::operator()(Real* values) const {
    std::free(values);
}

template class TiledMatrix<double>;
template class TiledMatrix<float>;

}  // namespace alphaprune::two_stage
