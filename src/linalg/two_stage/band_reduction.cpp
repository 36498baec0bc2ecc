#include "band_steps.hpp"

#include <algorithm>

#include "alphaprune/support/stop.hpp"

namespace alphaprune::linalg::two_stage {
namespace {

constexpr std::int64_t kTile = Tiling::kTile;
constexpr std::int64_t kSquare = std::int64_t{kBand} * kBand;

/// Where a row of a strip starts.
std::int64_t at(std::int64_t row) {
    return row * kBand;
}

template <class Real>
class BandReduction {
  public:
    explicit BandReduction(Workspace<Real>& workspace)
        : work_(workspace),
          tiling_(workspace.tiling()),
          share_(workspace.share()),
          kernels_(kernels<Real>()),
          size_(tiling_.padded()) {
        if (share_.is_root()) {
            band_.resize(static_cast<std::size_t>((size_ + 2 * kBand) * 2 * kBand));
        }
    }

    std::vector<Real> run() {
        for (std::int64_t first = 0; first < size_; first += kBand) {
            const std::int64_t below = first + kBand;
            take_panel(first);
            work_.sync();
            if (share_.is_root()) {
                *work_.stop_flag() =
                    support::stop_requested() || support::work_abandoned() ? Real(1) : Real(0);
                keep_diagonal_block(first);
                if (below < size_) {
                    factor_panel(first, below);
                }
            }
            work_.sync();
            if (*work_.stop_flag() != Real(0)) {  // the same for the whole team
                throw support::stop_error();
            }
            if (below < size_) {
                sweep_tiles(below);
                work_.sync();
                multiply_rows(below);
                work_.sync();
                make_update(below);
                work_.sync();
            }
        }
        return std::move(band_);
    }

  private:
    /// The columns first to first + kBand, from row `first` on, with the last update.
    void take_panel(std::int64_t first) {
        const std::int64_t column = first / kTile;
        for (std::int64_t i = column; i < tiling_.tiles(); ++i) {
            if (!share_.has_row(i)) {
                continue;
            }
            const std::int64_t begin = std::max(first, tiling_.begin(i));
            const std::int64_t end = tiling_.end(i);
            const Real* from = work_.tile(i, column) + (begin - tiling_.begin(i)) * kTile + first -
                               tiling_.begin(column);
            for (std::int64_t row = begin; row < end; ++row, from += kTile) {
                std::copy_n(from, kBand, work_.panel() + at(row));
            }
            if (first > 0) {
                update(begin, end, first, work_.panel() + at(begin), kBand);
            }
        }
    }

    Real& in_band(std::int64_t i, std::int64_t j) {
        return band_[static_cast<std::size_t>(j * 2 * kBand + i - j)];
    }

    void keep_diagonal_block(std::int64_t first) {
        for (std::int64_t j = 0; j < kBand; ++j) {
            for (std::int64_t i = j; i < kBand; ++i) {
                in_band(first + i, first + j) = work_.panel()[at(first + i) + j];
            }
        }
    }

    /// V stays in the panel's place; R, at row `below` and column `first`, goes to the band.
    void factor_panel(std::int64_t first, std::int64_t below) {
        Real r[kSquare];
        kernels_.factor_panel(size_ - below, work_.panel() + at(below), r, work_.t());
        for (std::int64_t i = 0; i < kBand; ++i) {
            for (std::int64_t j = i; j < kBand; ++j) {
                in_band(below + i, first + j) = r[i * kBand + j];
            }
        }
    }

    /// C −= V·Wᵀ + W·Vᵀ for rows [row, end) and the kBand columns from `col` on.
    void update(std::int64_t row, std::int64_t end, std::int64_t col, Real* c, std::int64_t ldc) {
        kernels_.subtract_product(end - row, 2 * kBand,
                                  Strided<Real>{work_.both() + 2 * at(row), 2 * kBand, 1},
                                  work_.both_across() + 2 * at(col), kBand, c, ldc);
    }

    /// One pass over the trailing matrix: the last panel's update, then the product with this
    /// panel's V, each lane's into a strip of its own.
    void sweep_tiles(std::int64_t begin) {
        const std::int64_t start = begin / kTile;
        for (int lane = 0; lane < Tiling::kLanes; ++lane) {
            if (!share_.has_lane(lane)) {
                continue;
            }
            bool fresh = true;
            for (std::int64_t j = start; j < tiling_.tiles(); ++j) {
                if (Tiling::lane_of_column(j) == lane) {
                    if (fresh) {
                        std::fill(work_.lane(lane) + at(begin), work_.lane(lane) + at(size_),
                                  Real(0));
                        fresh = false;
                    }
                    sweep_column(begin, j, work_.lane(lane));
                }
            }
        }
    }

    void sweep_column(std::int64_t begin, std::int64_t j, Real* product) {
        const bool updates = begin > kBand;
        const std::int64_t col = std::max(begin, tiling_.begin(j));
        const std::int64_t col_end = tiling_.end(j);
        for (std::int64_t i = j; i < tiling_.tiles(); ++i) {
            const std::int64_t row = std::max(begin, tiling_.begin(i));
            const std::int64_t row_end = tiling_.end(i);
            Real* const tile = work_.tile(i, j);
            const auto place = [&](std::int64_t r, std::int64_t c) {
                return tile + (r - tiling_.begin(i)) * kTile + c - tiling_.begin(j);
            };
            for (std::int64_t c = col; c < col_end && updates; c += kBand) {
                const std::int64_t from = i == j ? c : row;
                update(from, row_end, c, place(from, c), kTile);
            }
            if (i != j) {
                multiply(place(row, col), row, row_end, col, col_end, product);
                continue;
            }
            for (std::int64_t c = col; c < col_end; c += kBand) {
                kernels_.add_product(kBand, kBand, Strided<Real>{place(c, c), kTile, 1},
                                     work_.panel() + at(c), kBand, product + at(c), kBand);
                if (c + kBand < col_end) {
                    multiply(place(c + kBand, c), c + kBand, col_end, c, c + kBand, product);
                }
            }
        }
    }

    /// Y += A·V for rows [row, row_end) by columns [col, col_end) of A, and for its mirror image.
    /// The pieces of V that a product reads again and again fit the innermost cache.
    void multiply(const Real* block, std::int64_t row, std::int64_t row_end, std::int64_t col,
                  std::int64_t col_end, Real* product) {
        constexpr std::int64_t kDepth = 96;
        for (std::int64_t c = col; c < col_end; c += kDepth) {
            kernels_.add_product(row_end - row, std::min(kDepth, col_end - c),
                                 Strided<Real>{block + c - col, kTile, 1}, work_.panel() + at(c),
                                 kBand, product + at(row), kBand);
        }
        for (std::int64_t r = row; r < row_end; r += kDepth) {
            kernels_.add_product(col_end - col, std::min(kDepth, row_end - r),
                                 Strided<Real>{block + (r - row) * kTile, 1, kTile},
                                 work_.panel() + at(r), kBand, product + at(col), kBand);
        }
    }

    /// X = A·V·T, lane by lane and then row by row, and Vᵀ·X of each tile row.
    void multiply_rows(std::int64_t begin) {
        const std::int64_t start = begin / kTile;
        for (std::int64_t i = start; i < tiling_.tiles(); ++i) {
            if (!share_.has_row(i)) {
                continue;
            }
            const std::int64_t row = std::max(begin, tiling_.begin(i));
            const std::int64_t rows = tiling_.end(i) - row;
            Real sum[kTile * kBand] = {};
            bool used[Tiling::kLanes] = {};
            for (std::int64_t j = start; j < tiling_.tiles(); ++j) {
                used[Tiling::lane_of_column(j)] = true;
            }
            for (int lane = 0; lane < Tiling::kLanes; ++lane) {
                const Real* const part = work_.lane(lane) + at(row);
                for (std::int64_t k = 0; used[lane] && k < rows * kBand; ++k) {
                    sum[k] += part[k];
                }
            }
            Real* const x = work_.w() + at(row);
            std::fill_n(x, rows * kBand, Real(0));
            kernels_.add_product(rows, kBand, Strided<Real>{sum, kBand, 1}, work_.t(), kBand, x,
                                 kBand);
            std::fill_n(work_.inner(i), kSquare, Real(0));
            kernels_.add_product(kBand, rows, Strided<Real>{work_.panel() + at(row), 1, kBand}, x,
                                 kBand, work_.inner(i), kBand);
        }
    }

    /// W = X − ½·V·(Tᵀ·Vᵀ·X); V and W side by side, and transposed for the update.
    void make_update(std::int64_t begin) {
        const std::int64_t start = begin / kTile;
        Real inner[kSquare] = {};
        for (std::int64_t i = start; i < tiling_.tiles(); ++i) {
            std::transform(inner, inner + kSquare, work_.inner(i), inner, std::plus<>());
        }
        Real half[kSquare] = {};
        kernels_.add_product(kBand, kBand, Strided<Real>{work_.t(), 1, kBand}, inner, kBand, half,
                             kBand);
        std::ranges::for_each(half, [](Real& value) { value /= 2; });
        for (std::int64_t i = start; i < tiling_.tiles(); ++i) {
            if (!share_.has_row(i)) {
                continue;
            }
            const std::int64_t row = std::max(begin, tiling_.begin(i));
            const std::int64_t end = tiling_.end(i);
            kernels_.subtract_product(end - row, kBand,
                                      Strided<Real>{work_.panel() + at(row), kBand, 1}, half, kBand,
                                      work_.w() + at(row), kBand);
            for (std::int64_t block = row; block < end; block += kBand) {
                put_side_by_side(block);
            }
        }
    }

    void put_side_by_side(std::int64_t block) {
        Real* const across = work_.both_across() + 2 * at(block);
        for (std::int64_t i = 0; i < kBand; ++i) {
            const Real* const v = work_.panel() + at(block + i);
            const Real* const w = work_.w() + at(block + i);
            std::copy_n(v, kBand, work_.both() + 2 * at(block + i));
            std::copy_n(w, kBand, work_.both() + 2 * at(block + i) + kBand);
            for (std::int64_t k = 0; k < kBand; ++k) {
                across[k * kBand + i] = w[k];
                across[(kBand + k) * kBand + i] = v[k];
            }
        }
    }

    Workspace<Real>& work_;
    const Tiling& tiling_;
    const Share& share_;
    const Kernels<Real>& kernels_;
    std::int64_t size_;
    std::vector<Real> band_;
};

}  // namespace

template <class Real>
std::vector<Real> reduce_to_band(Workspace<Real>& workspace) {
    return BandReduction<Real>(workspace).run();
}

template std::vector<double> reduce_to_band(Workspace<double>&);
template std::vector<float> reduce_to_band(Workspace<float>&);

}  // namespace alphaprune::linalg::two_stage
