#include "local_gram.hpp"

#include <algorithm>

#include "blas.hpp"
#include "gram_shape.hpp"

namespace alphaprune::linalg {

std::int64_t local_panel_depth(std::int64_t order) {
    // 32 MB of panel: pieces of a row long enough to be read well, small beside the Gram matrix
    // where that is large; never less than what DSYRK needs to run at speed.
    constexpr std::int64_t kPanelValues = std::int64_t{1} << 22;
    return std::clamp<std::int64_t>(kPanelValues / order / 256 * 256, 512, 4096);
}

Matrix local_gram(MatrixSource& matrix) {
    const GramShape shape = GramShape::of(matrix);
    const std::int64_t width = std::min(local_panel_depth(shape.order), shape.depth);
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
        syrk_lower(shape.wide ? 'T' : 'N', static_cast<int>(shape.order),
                   static_cast<int>(end - begin), values.data(), static_cast<int>(part.cols()),
                   begin == 0 ? 0 : 1, gram.data(), static_cast<int>(shape.order));
    }
    refuse_nonfinite(nonfinite, matrix);
    return gram;
}

}  // namespace alphaprune::linalg
