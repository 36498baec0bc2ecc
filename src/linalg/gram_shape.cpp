#include "gram_shape.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "alphaprune/support/error.hpp"

namespace alphaprune::linalg {
namespace {

template <class Real>
std::int64_t count_nonfinite_of(std::span<const Real> values) {
    std::int64_t count = 0;
    for (const Real value : values) {
        count += std::isfinite(value) ? 0 : 1;
    }
    return count;
}

}  // namespace

GramShape GramShape::of(const MatrixSource& matrix) {
    const std::int64_t rows = matrix.rows();
    const std::int64_t cols = matrix.cols();
    if (rows < 1 || cols < 1) {
        throw support::bad_request(fmt::format("the matrix is empty ({}x{})", rows, cols),
                                   matrix.name(), "check that the model's files are whole");
    }
    return {std::min(rows, cols), std::max(rows, cols), rows <= cols};
}

Rectangle GramShape::part(std::int64_t order_begin, std::int64_t order_end,
                          std::int64_t depth_begin, std::int64_t depth_end) const {
    return wide ? Rectangle{order_begin, order_end, depth_begin, depth_end}
                : Rectangle{depth_begin, depth_end, order_begin, order_end};
}

std::int64_t count_nonfinite(std::span<const double> values) {
    return count_nonfinite_of(values);
}

std::int64_t count_nonfinite(std::span<const float> values) {
    return count_nonfinite_of(values);
}

void refuse_nonfinite(std::int64_t nonfinite, const MatrixSource& matrix) {
    if (nonfinite != 0) {
        throw support::bad_request(
            fmt::format("{} of {} values are NaN or infinite", nonfinite,
                        matrix.rows() * matrix.cols()),
            matrix.name(),
            "the weights are damaged or overflowed when they were converted; fetch "
            "or convert the model again");
    }
}

}  // namespace alphaprune::linalg
