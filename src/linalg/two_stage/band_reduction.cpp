#include "band_reduction.hpp"

#include <algorithm>

#include "kernels.hpp"

namespace alphaprune::two_stage {
namespace {

constexpr std::int64_t kSquare = std::int64_t{kBand} * kBand;

/// Rows × kBand, row-major; rows are numbered as the matrix's are.
template <class Real>
using Strip = std::vector<Real>;

template <class Real>
class BandReduction {
  public:
    explicit BandReduction(TiledMatrix<Real>& matrix)
        : matrix_(matrix),
          kernels_(kernels<Real>()),
          size_(matrix.padded()),
          panel_(strip()),
          product_(strip()),
          both_(2 * panel_.size()),
          both_across_(2 * panel_.size()),
          band_(static_cast<std::size_t>((size_ + 2 * kBand) * 2 * kBand)) {}

    std::vector<Real> run() {
        for (std::int64_t first = 0; first + kBand < size_; first += kBand) {
            take_panel(first);
            const std::int64_t below = first + kBand;
            kernels_.factor_panel(size_ - below, &panel_[at(below)], r_, t_);
            keep_in_band(first, below);
            std::fill(product_.begin() + at(below), product_.end(), Real(0));
            sweep_tiles(below);
            make_update(below);
        }
        take_panel(size_ - kBand);
        return std::move(band_);
    }

  private:
    static constexpr std::int64_t kTile = TiledMatrix<Real>::kTile;
    static std::int64_t at(std::int64_t row) { return row * kBand; }
    Strip<Real> strip() const { return Strip<Real>(static_cast<std::size_t>(size_ * kBand)); }

    /// The columns first to first + kBand, from row `first` on, with the last update; their block
    /// on the diagonal goes to the band.
    void take_panel(std::int64_t first) {
        const std::int64_t column = first / kTile;
        for (std::int64_t row = first; row < size_;) {
            const std::int64_t block = row / kTile;
            const std::int64_t end = std::min((block + 1) * kTile, size_);
            const Real* from = matrix_.tile(block, column) + (row - block * kTile) * kTile + first -
                               column * kTile;
            for (; row < end; ++row, from += kTile) {
                std::copy_n(from, kBand, &panel_[at(row)]);
            }
        }
        if (first > 0) {
            update(first, size_, first, &panel_[at(first)], kBand);
        }
        for (std::int64_t j = 0; j < kBand; ++j) {
            for (std::int64_t i = j; i < kBand; ++i) {
                in_band(first + i, first + j) = panel_[at(first + i) + j];
            }
        }
    }

    /// R below the diagonal block: element (i, j) of R is at row below + i, column first + j.
    void keep_in_band(std::int64_t first, std::int64_t below) {
        for (std::int64_t i = 0; i < kBand; ++i) {
            for (std::int64_t j = i; j < kBand; ++j) {
                in_band(below + i, first + j) = r_[i * kBand + j];
            }
        }
    }

    Real& in_band(std::int64_t i, std::int64_t j) { return band_[j * 2 * kBand + i - j]; }

    /// C −= V·Wᵀ + W·Vᵀ for rows [row, end) and the kBand columns from `col` on.
    void update(std::int64_t row, std::int64_t end, std::int64_t col, Real* c, std::int64_t ldc) {
        kernels_.subtract_product(end - row, 2 * kBand,
                                  Strided<Real>{&both_[2 * at(row)], 2 * kBand, 1},
                                  &both_across_[2 * at(col)], kBand, c, ldc);
    }

    /// One pass over the trailing matrix: the last panel's update, then the product with this
    /// panel's V.
    void sweep_tiles(std::int64_t begin) {
        const bool updates = begin > kBand;
        const std::int64_t start = begin / kTile;
        for (std::int64_t j = start; j < matrix_.tiles(); ++j) {
            const std::int64_t col = std::max(begin, j * kTile);
            const std::int64_t col_end = std::min((j + 1) * kTile, size_);
            for (std::int64_t i = j; i < matrix_.tiles(); ++i) {
                const std::int64_t row = std::max(begin, i * kTile);
                const std::int64_t row_end = std::min((i + 1) * kTile, size_);
                Real* const tile = matrix_.tile(i, j) - i * kTile * kTile - j * kTile;
                for (std::int64_t c = col; c < col_end && updates; c += kBand) {
                    const std::int64_t from = i == j ? c : row;
                    update(from, row_end, c, tile + from * kTile + c, kTile);
                }
                i == j ? multiply_on_diagonal(tile, row, row_end)
                       : multiply(tile, row, row_end, col, col_end);
            }
        }
    }

    /// Y += A·V for rows [row, row_end) by columns [col, col_end) of A, and for its mirror image.
    /// The pieces of V that a product reads again and again fit the innermost cache.
    void multiply(const Real* tile, std::int64_t row, std::int64_t row_end, std::int64_t col,
                  std::int64_t col_end) {
        constexpr std::int64_t kDepth = 96;
        for (std::int64_t c = col; c < col_end; c += kDepth) {
            kernels_.add_product(row_end - row, std::min(kDepth, col_end - c),
                                 Strided<Real>{tile + row * kTile + c, kTile, 1}, &panel_[at(c)],
                                 kBand, &product_[at(row)], kBand);
        }
        for (std::int64_t r = row; r < row_end; r += kDepth) {
            kernels_.add_product(col_end - col, std::min(kDepth, row_end - r),
                                 Strided<Real>{tile + r * kTile + col, 1, kTile}, &panel_[at(r)],
                                 kBand, &product_[at(col)], kBand);
        }
    }

    void multiply_on_diagonal(const Real* tile, std::int64_t begin, std::int64_t end) {
        for (std::int64_t c = begin; c < end; c += kBand) {
            kernels_.add_product(kBand, kBand, Strided<Real>{tile + c * kTile + c, kTile, 1},
                                 &panel_[at(c)], kBand, &product_[at(c)], kBand);
            if (c + kBand < end) {
                multiply(tile, c + kBand, end, c, c + kBand);
            }
        }
    }

    /// W = X − ½·V·(Tᵀ·Vᵀ·X) with X = A·V·T; V and W side by side, and transposed for the update.
    void make_update(std::int64_t begin) {
        const std::int64_t rows = size_ - begin;
        const Real* const v = &panel_[at(begin)];
        Strip<Real>& x = scratch_;
        x.assign(static_cast<std::size_t>(at(rows)), Real(0));
        kernels_.add_product(rows, kBand, Strided<Real>{&product_[at(begin)], kBand, 1}, t_, kBand,
                             x.data(), kBand);
        Real inner[kSquare] = {};
        kernels_.add_product(kBand, rows, Strided<Real>{v, 1, kBand}, x.data(), kBand, inner,
                             kBand);
        Real half[kSquare] = {};
        kernels_.add_product(kBand, kBand, Strided<Real>{t_, 1, kBand}, inner, kBand, half, kBand);
        std::ranges::for_each(half, [](Real& value) { value /= 2; });
        kernels_.subtract_product(rows, kBand, Strided<Real>{v, kBand, 1}, half, kBand, x.data(),
                                  kBand);
        for (std::int64_t block = begin; block < size_; block += kBand) {
            Real* const across = &both_across_[2 * at(block)];
            for (std::int64_t i = 0; i < kBand; ++i) {
                const Real* const v_row = &panel_[at(block + i)];
                const Real* const w_row = &x[at(block + i - begin)];
                std::copy_n(v_row, kBand, &both_[2 * at(block + i)]);
                std::copy_n(w_row, kBand, &both_[2 * at(block + i) + kBand]);
                for (std::int64_t k = 0; k < kBand; ++k) {
                    across[k * kBand + i] = w_row[k];
                    across[(kBand + k) * kBand + i] = v_row[k];
                }
            }
        }
    }

    TiledMatrix<Real>& matrix_;
    const Kernels<Real>& kernels_;
    std::int64_t size_;
    Strip<Real> panel_;    ///< the present panel, then its V
    Strip<Real> product_;  ///< A·V
    Strip<Real> scratch_;
    Strip<Real> both_;         ///< rows of [V W] of the last panel
    Strip<Real> both_across_;  ///< for each kBand columns, 2·kBand × kBand: [W V]ᵀ
    std::vector<Real> band_;
    Real r_[kSquare];
    Real t_[kSquare];
};

}  // namespace

template <class Real>
std::vector<Real> reduce_to_band(TiledMatrix<Real>& matrix) {
    return BandReduction<Real>(matrix).run();
}

template std::vector<double> reduce_to_band(TiledMatrix<double>&);
template std::vector<float> reduce_to_band(TiledMatrix<float>&);

}  // namespace alphaprune::two_stage
