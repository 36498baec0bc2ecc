#include "band_steps.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/support/stop.hpp"

namespace alphaprune::linalg::two_stage {
namespace {

void read_part(MatrixSource& matrix, const Rectangle& part, std::span<double> out) {
    matrix.read(part, out);
}

void read_part(MatrixSource& matrix, const Rectangle& part, std::span<float> out) {
    matrix.read_single(part, out);
}

/// values(i, k) of rows × depth at out(k, i), in squares that fit the cache.
template <class Real>
void transpose(const Real* values, std::int64_t stride, std::int64_t rows, std::int64_t depth,
               Real* out, std::int64_t out_stride) {
    constexpr std::int64_t kSquare = 16;
    for (std::int64_t k = 0; k < depth; k += kSquare) {
        const std::int64_t last = std::min(k + kSquare, depth);
        for (std::int64_t i = 0; i < rows; ++i) {
            for (std::int64_t d = k; d < last; ++d) {
                out[d * out_stride + i] = values[i * stride + d];
            }
        }
    }
}

/// Reads pieces of W and lays them out for the product.
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
        const Tiling& tiling = work_.tiling();
        const std::int64_t depth = end - begin;
        std::int64_t nonfinite = 0;
        for (std::int64_t i = 0; i < tiling.tiles(); ++i) {
            if (!work_.share().has_row(i)) {
                continue;
            }
            const Rectangle part{tiling.begin(i), std::min(tiling.end(i), shape_.order), begin,
                                 end};
            Real* const rows = work_.piece_rows() + part.row_begin * depth;
            const std::span values(rows, static_cast<std::size_t>(part.size()));
            read_part(matrix_, part, values);
            nonfinite += count_nonfinite(std::span<const Real>(values));
            std::fill(rows + part.size(), rows + (tiling.end(i) - part.row_begin) * depth, Real(0));
            for (std::int64_t row = part.row_begin; row < tiling.end(i); row += kBand) {
                transpose(work_.piece_rows() + row * depth, depth, kBand, depth,
                          work_.piece_across(depth) + row * depth, kBand);
            }
        }
        return nonfinite;
    }

    /// Rows of W are added up over.
    std::int64_t pack_tall(std::int64_t begin, std::int64_t end) {
        constexpr std::int64_t kTogether = 64;
        const std::int64_t depth = end - begin;
        const std::int64_t padded = work_.tiling().padded();
        const parallel::RowRange mine =
            parallel::share_of(depth, work_.share().ranks, work_.share().rank);
        std::int64_t nonfinite = 0;
        for (std::int64_t first = mine.begin; first < mine.end; first += kTogether) {
            const std::int64_t count = std::min(kTogether, mine.end - first);
            const Rectangle part{begin + first, begin + first + count, 0, shape_.order};
            values_.resize(static_cast<std::size_t>(part.size()));
            read_part(matrix_, part, std::span(values_));
            nonfinite += count_nonfinite(std::span<const Real>(values_));
            for (std::int64_t at = 0; at < padded; at += kBand) {
                const auto width = std::min<std::int64_t>(kBand, shape_.order - at);
                Real* const across = work_.piece_across(depth) + at * depth + first * kBand;
                for (std::int64_t k = 0; k < count; ++k) {
                    const Real* const from = values_.data() + k * shape_.order + at;
                    Real* const to = across + k * kBand;
                    std::fill(std::copy_n(from, width, to), to + kBand, Real(0));
                }
                transpose(across, kBand, count, kBand, work_.piece_rows() + at * depth + first,
                          depth);
            }
        }
        return nonfinite;
    }

    MatrixSource& matrix_;
    const GramShape& shape_;
    Workspace<Real>& work_;
    std::vector<Real> values_;
};

/// Tile (i, j) += piece_i·piece_jᵀ. Parts of a piece that are read again and again fit the
/// innermost cache.
template <class Real>
void multiply_tile(Workspace<Real>& work, std::int64_t i, std::int64_t j, std::int64_t depth) {
    constexpr std::int64_t kPart = 96;
    const Tiling& tiling = work.tiling();
    for (std::int64_t begin = 0; begin < depth; begin += kPart) {
        const std::int64_t part = std::min(kPart, depth - begin);
        for (std::int64_t c = tiling.begin(j); c < tiling.end(j); c += kBand) {
            const std::int64_t row = i == j ? c : tiling.begin(i);
            kernels<Real>().add_product(
                tiling.end(i) - row, part,
                Strided<Real>{work.piece_rows() + row * depth + begin, depth, 1},
                work.piece_across(depth) + c * depth + begin * kBand, kBand,
                work.tile(i, j) + (row - tiling.begin(i)) * Tiling::kTile + c - tiling.begin(j),
                Tiling::kTile);
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
void gram_product(const parallel::Communicator& team, MatrixSource& matrix, const GramShape& shape,
                  Workspace<Real>& work) {
    for_own_tiles(work, [&](std::int64_t i, std::int64_t j) {
        std::fill_n(work.tile(i, j), Tiling::kTileSize, Real(0));
    });
    Packer<Real> packer(matrix, shape, work);
    std::int64_t nonfinite = 0;
    for (std::int64_t begin = 0; begin < shape.depth; begin += Workspace<Real>::kDepth) {
        const std::int64_t end = std::min(begin + Workspace<Real>::kDepth, shape.depth);
        parallel::run_collectively(team, [&] {
            support::check_stop();
            nonfinite += packer.pack(begin, end);
        });
        work.sync();
        for_own_tiles(
            work, [&](std::int64_t i, std::int64_t j) { multiply_tile(work, i, j, end - begin); });
        work.sync();
    }
    nonfinite = team.sum(nonfinite);
    parallel::run_collectively(team, [&] { refuse_nonfinite(nonfinite, matrix); });
}

template <class Real>
ScaledGram scale_gram(const parallel::Communicator& team, Workspace<Real>& work) {
    const Tiling& tiling = work.tiling();
    Real largest = 0;
    double trace = 0;
    for (std::int64_t j = 0; j < tiling.order; ++j) {  // positive semidefinite: on the diagonal
        const std::int64_t i = j / Tiling::kTile;
        const Real value = work.tile(i, i)[(j - i * Tiling::kTile) * (Tiling::kTile + 1)];
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
                const Real value = values[r * Tiling::kTile + c] * scale;
                values[r * Tiling::kTile + c] = value;
                sum[c % kBand] += value * value;
            }
            if (i == j) {  // whole blocks were added up: what is above the diagonal, twice
                for (std::int64_t c = r / kBand * kBand; c < length; ++c) {
                    const auto value = static_cast<double>(values[r * Tiling::kTile + c]);
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

template void gram_product(const parallel::Communicator&, MatrixSource&, const GramShape&,
                           Workspace<double>&);
template void gram_product(const parallel::Communicator&, MatrixSource&, const GramShape&,
                           Workspace<float>&);
template ScaledGram scale_gram(const parallel::Communicator&, Workspace<double>&);
template ScaledGram scale_gram(const parallel::Communicator&, Workspace<float>&);

}  // namespace alphaprune::linalg::two_stage
