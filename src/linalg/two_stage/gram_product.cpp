#include "gram_product.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/parallel/share.hpp"
#include "kernels.hpp"

namespace alphaprune::two_stage {
namespace {

constexpr std::int64_t kTile = Tiling::kTile;

void read_part(MatrixSource& matrix, const Rectangle& part, std::span<double> out) {
    matrix.read(part, out);
}

void read_part(MatrixSource& matrix, const Rectangle& part, std::span<float> out) {
    matrix.read_single(part, out);
}

/// Reads pieces of W and lays them out for the product: for each kBand indices of the Gram matrix,
/// depth × kBand.
template <class Real>
class Packer {
  public:
    Packer(MatrixSource& matrix, const GramShape& shape, Workspace<Real>& workspace)
        : matrix_(matrix), shape_(shape), work_(workspace) {}

    /// This rank's part of the piece [begin, end) of the depth. Returns how many values were NaN or
    /// infinite.
    std::int64_t pack(std::int64_t begin, std::int64_t end) {
        return shape_.wide ? pack_wide(begin, end) : pack_tall(begin, end);
    }

  private:
    /// Rows of W are rows of the Gram matrix.
    std::int64_t pack_wide(std::int64_t begin, std::int64_t end) {
        std::int64_t nonfinite = 0;
        const Tiling& tiling = work_.tiling();
        for (std::int64_t i = 0; i < tiling.tiles(); ++i) {
            if (!work_.share().has_row(i)) {
                continue;
            }
            const std::int64_t first = tiling.begin(i);
            const std::int64_t last = std::min(tiling.end(i), shape_.order);
            const auto values = read({first, last, begin, end});
            nonfinite += count_nonfinite(values);
            for (std::int64_t row = first; row < tiling.end(i); row += kBand) {
                transpose(values, row - first, std::min<std::int64_t>(kBand, last - row),
                          end - begin, place(row, end - begin));
            }
        }
        return nonfinite;
    }

    /// Rows of W are added up over.
    std::int64_t pack_tall(std::int64_t begin, std::int64_t end) {
        constexpr std::int64_t kTogether = 64;
        const RowRange mine = share_of(end - begin, work_.share().ranks, work_.share().rank);
        const std::int64_t depth = end - begin;
        std::int64_t nonfinite = 0;
        for (std::int64_t first = mine.begin; first < mine.end; first += kTogether) {
            const std::int64_t last = std::min(first + kTogether, mine.end);
            const auto values = read({begin + first, begin + last, 0, shape_.order});
            nonfinite += count_nonfinite(values);
            for (std::int64_t k = first; k < last; ++k) {
                const Real* const row = values.data() + (k - first) * shape_.order;
                for (std::int64_t at = 0; at < work_.tiling().padded(); at += kBand) {
                    const auto count = std::min<std::int64_t>(kBand, shape_.order - at);
                    Real* const to = place(at, depth) + k * kBand;
                    std::fill(std::copy_n(row + at, count, to), to + kBand, Real(0));
                }
            }
        }
        return nonfinite;
    }

    std::span<const Real> read(const Rectangle& part) {
        values_.resize(static_cast<std::size_t>(part.size()));
        read_part(matrix_, part, values_);
        return values_;
    }

    Real* place(std::int64_t index, std::int64_t depth) { return work_.piece() + index * depth; }

    /// `count` rows of `values`, depth × kBand in `out`; the rest of the band's width is zero.
    static void transpose(std::span<const Real> values, std::int64_t first, std::int64_t count,
                          std::int64_t depth, Real* out) {
        constexpr std::int64_t kTogether = 8;
        for (std::int64_t k = 0; k < depth; k += kTogether) {
            const std::int64_t last = std::min(k + kTogether, depth);
            for (std::int64_t i = 0; i < kBand; ++i) {
                for (std::int64_t d = k; d < last; ++d) {
                    out[d * kBand + i] =
                        i < count ? values[static_cast<std::size_t>((first + i) * depth + d)]
                                  : Real(0);
                }
            }
        }
    }

    MatrixSource& matrix_;
    const GramShape& shape_;
    Workspace<Real>& work_;
    std::vector<Real> values_;
};

/// Tile (i, j) += piece_i·piece_jᵀ. Parts of the pieces that are read again and again fit the
/// innermost cache.
template <class Real>
void multiply_tile(Workspace<Real>& work, std::int64_t i, std::int64_t j, std::int64_t depth) {
    constexpr std::int64_t kPart = 96;
    const Tiling& tiling = work.tiling();
    const Kernels<Real>& kernel = kernels<Real>();
    for (std::int64_t begin = 0; begin < depth; begin += kPart) {
        const std::int64_t part = std::min(kPart, depth - begin);
        for (std::int64_t c = tiling.begin(j); c < tiling.end(j); c += kBand) {
            const Real* const right = work.piece() + c * depth + begin * kBand;
            for (std::int64_t r = i == j ? c : tiling.begin(i); r < tiling.end(i); r += kBand) {
                const Real* const left = work.piece() + r * depth + begin * kBand;
                kernel.add_product(
                    kBand, part, Strided<Real>{left, 1, kBand}, right, kBand,
                    work.tile(i, j) + (r - tiling.begin(i)) * kTile + c - tiling.begin(j), kTile);
            }
        }
    }
}

/// Calls `action` with (i, j) for each tile that is this rank's.
template <class Real, class Action>
void for_own_tiles(Workspace<Real>& work, Action&& action) {
    const std::int64_t tiles = work.tiling().tiles();
    for (std::int64_t j = 0; j < tiles; ++j) {
        if (work.share().has_lane(Tiling::lane_of_column(j))) {
            for (std::int64_t i = j; i < tiles; ++i) {
                action(i, j);
            }
        }
    }
}

}  // namespace

template <class Real>
void gram_product(const Communicator& team, MatrixSource& matrix, const GramShape& shape,
                  Workspace<Real>& work) {
    for_own_tiles(work, [&](std::int64_t i, std::int64_t j) {
        std::fill_n(work.tile(i, j), Tiling::kTileSize, Real(0));
    });
    Packer<Real> packer(matrix, shape, work);
    std::int64_t nonfinite = 0;
    for (std::int64_t begin = 0; begin < shape.depth; begin += Workspace<Real>::kDepth) {
        const std::int64_t end = std::min(begin + Workspace<Real>::kDepth, shape.depth);
        together(team, [&] { nonfinite += packer.pack(begin, end); });
        work.sync();
        for_own_tiles(
            work, [&](std::int64_t i, std::int64_t j) { multiply_tile(work, i, j, end - begin); });
        work.sync();
    }
    nonfinite = team.sum(nonfinite);
    together(team, [&] { refuse_nonfinite(nonfinite, matrix); });
}

template <class Real>
ScaledGram scale_gram(const Communicator& team, Workspace<Real>& work) {
    const Tiling& tiling = work.tiling();
    Real largest = 0;
    double trace = 0;
    for (std::int64_t j = 0; j < tiling.order; ++j) {  // positive semidefinite: on the diagonal
        const std::int64_t i = j / kTile;
        const Real value = work.tile(i, i)[(j - i * kTile) * (kTile + 1)];
        largest = std::max(largest, value);
        trace += static_cast<double>(value);
    }
    ScaledGram scaled;
    scaled.moments.trace = trace;
    if (sizeof(Real) < sizeof(double)) {
        scaled.moments.tolerance = 1e-4;
    }
    if (!(trace > 0) || !std::isfinite(trace)) {
        return scaled;
    }
    // Within the range where the power of two itself can be written.
    const int limit = sizeof(Real) == sizeof(double) ? 1000 : 120;
    scaled.exponent = std::clamp(std::ilogb(largest), -limit, limit);
    work.sync();  // all have read the diagonal
    const Real scale = std::ldexp(Real(1), -scaled.exponent);
    double squares = 0;
    for_own_tiles(work, [&](std::int64_t i, std::int64_t j) {
        Real* const values = work.tile(i, j);
        Real sum[kBand] = {};
        double diagonal = 0;
        const std::int64_t cols = tiling.end(j) - tiling.begin(j);
        for (std::int64_t r = 0; r < tiling.end(i) - tiling.begin(i); ++r) {
            const std::int64_t length = i == j ? (r / kBand + 1) * kBand : cols;
            for (std::int64_t c = 0; c < length; ++c) {
                const Real value = values[r * kTile + c] * scale;
                values[r * kTile + c] = value;
                sum[c % kBand] += value * value;
            }
            if (i == j) {  // whole blocks were added up: what is above the diagonal, twice
                for (std::int64_t c = r / kBand * kBand; c < length; ++c) {
                    const auto value = static_cast<double>(values[r * kTile + c]);
                    diagonal += value * value;
                }
            }
        }
        double all = 0;
        for (const Real part : sum) {
            all += static_cast<double>(part);
        }
        squares += 2 * all - diagonal;
    });
    squares = team.sum(squares);
    const double ratio = std::ldexp(1.0, scaled.exponent) / trace;
    scaled.moments.relative_frobenius_sq = squares * ratio * ratio;
    work.sync();
    return scaled;
}

template void gram_product(const Communicator&, MatrixSource&, const GramShape&,
                           Workspace<double>&);
template void gram_product(const Communicator&, MatrixSource&, const GramShape&, Workspace<float>&);
template ScaledGram scale_gram(const Communicator&, Workspace<double>&);
template ScaledGram scale_gram(const Communicator&, Workspace<float>&);

}  // namespace alphaprune::two_stage
