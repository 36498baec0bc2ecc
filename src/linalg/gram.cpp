#include "gram.hpp"

#include <algorithm>

#include "alphaprune/support/message.hpp"
#include "blas.hpp"

namespace alphaprune::linalg {
namespace {

const support::BadRequest<std::int64_t, std::int64_t> kEmpty{
    "linalg.empty-matrix", "the matrix is empty ({}x{})", "a dimension of the weights is zero",
    "check that the model's files are whole"};

const support::BadRequest<std::int64_t, std::int64_t> kNonfinite{
    "linalg.nonfinite-weights", "{} of {} values are NaN or infinite",
    "the weights are damaged or overflowed when they were converted",
    "fetch or convert the model again"};

}  // namespace

GramShape GramShape::of(const MatrixSource& matrix) {
    const std::int64_t rows = matrix.rows();
    const std::int64_t cols = matrix.cols();
    if (rows < 1 || cols < 1) {
        throw kEmpty(matrix.name(), rows, cols);
    }
    return {std::min(rows, cols), std::max(rows, cols), rows <= cols};
}

Rectangle GramShape::part(std::int64_t order_begin, std::int64_t order_end,
                          std::int64_t depth_begin, std::int64_t depth_end) const {
    return wide ? Rectangle{order_begin, order_end, depth_begin, depth_end}
                : Rectangle{depth_begin, depth_end, order_begin, order_end};
}

void refuse_nonfinite(std::int64_t nonfinite, const MatrixSource& matrix) {
    if (nonfinite != 0) {
        throw kNonfinite(matrix.name(), nonfinite, matrix.rows() * matrix.cols());
    }
}

std::int64_t local_panel_depth(std::int64_t order) {
    // 32 MB of panel: pieces of a row long enough to be read well, small beside the Gram matrix
    // where that is large; never less than what DSYRK needs to run at speed.
    constexpr std::int64_t kPanelValues = std::int64_t{1} << 22;
    return std::clamp<std::int64_t>(kPanelValues / order / 256 * 256, 512, 4096);
}

Matrix local_gram(MatrixSource& matrix) {
    const GramShape shape = GramShape::of(matrix);
    const std::int64_t width = std::min(local_panel_depth(shape.order), shape.depth);
    const int n = static_cast<int>(shape.order);
    const double one = 1;
    Matrix gram(shape.order, shape.order);
    Matrix panel(width, shape.order);
    std::int64_t nonfinite = 0;
    for (std::int64_t begin = 0; begin < shape.depth; begin += width) {
        const std::int64_t end = std::min(begin + width, shape.depth);
        const Rectangle part = shape.part(0, shape.order, begin, end);
        const auto values = panel.values().first(static_cast<std::size_t>(part.size()));
        matrix.read(part, values);
        nonfinite += count_nonfinite(std::span<const double>(values));
        // What was written row-major is the transpose when read column-major: the panel of a wide
        // matrix is depth×order (leading dimension its columns), of a tall one order×depth.
        const int k = static_cast<int>(end - begin);
        const int lda = static_cast<int>(part.cols());
        const double beta = begin == 0 ? 0 : 1;
        dsyrk_("L", shape.wide ? "T" : "N", &n, &k, &one, values.data(), &lda, &beta, gram.data(),
               &n, 1, 1);
    }
    refuse_nonfinite(nonfinite, matrix);
    return gram;
}

}  // namespace alphaprune::linalg
