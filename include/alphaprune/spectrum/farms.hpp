#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "alphaprune/linalg/matrix_source.hpp"

namespace alphaprune::spectrum {

/// Windows of one aspect ratio, cut from matrices of any (FARMS, arXiv 2506.06280): spectra of
/// matrices of different shapes can be compared only when their shape is not part of them.
struct FarmsOptions {
    double aspect = 1;                 ///< columns of a window over its rows: the paper's Q
    std::int64_t largest_side = 2000;  ///< rows of a window, at most
    int offsets = 10;                  ///< along each dimension, at most
};

/// The windows of a rows × cols matrix, by row offset and then by column offset; all of one shape.
/// min(largest_side, rows, cols) rows and int(aspect · rows) columns; fewer rows where that is more
/// columns than the matrix has; one row and one column at least. The offsets are those of the
/// published code: equal whole strides from 0, each offset once.
std::vector<linalg::Rectangle> farms_windows(std::int64_t rows, std::int64_t cols,
                                             const FarmsOptions& options);

/// A window of a matrix, as a matrix.
class WindowSource : public linalg::MatrixSource {
  public:
    /// @param matrix  outlives the window
    WindowSource(linalg::MatrixSource& matrix, const linalg::Rectangle& window)
        : matrix_(matrix), window_(window) {}

    std::int64_t rows() const override { return window_.rows(); }
    std::int64_t cols() const override { return window_.cols(); }
    std::string name() const override;
    void read(const linalg::Rectangle& part, std::span<double> out) override;

  private:
    linalg::MatrixSource& matrix_;
    linalg::Rectangle window_;
};

}  // namespace alphaprune::spectrum
