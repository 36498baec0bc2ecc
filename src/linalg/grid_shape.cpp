#include "alphaprune/linalg/grid_shape.hpp"

#include <algorithm>

namespace alphaprune::linalg {

GridShape near_square_grid(int ranks, std::int64_t order) {
    constexpr int kWidest = 3;
    GridShape best;
    for (int rows = 1; rows * rows <= ranks; ++rows) {
        const std::int64_t most =
            std::min({std::int64_t{ranks / rows}, std::int64_t{kWidest} * rows, order});
        const GridShape shape{rows, static_cast<int>(most)};
        if (shape.cols >= rows && shape.ranks() >= best.ranks()) {
            best = shape;  // of equals the later one: it is nearer to a square
        }
    }
    return best;
}

}  // namespace alphaprune::linalg
