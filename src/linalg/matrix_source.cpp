#include "alphaprune/linalg/matrix_source.hpp"

#include <algorithm>
#include <vector>

namespace alphaprune::linalg {

void MatrixSource::read_single(const Rectangle& part, std::span<float> out) {
    std::vector<double> values(out.size());
    read(part, values);
    std::ranges::transform(values, out.begin(),
                           [](double value) { return static_cast<float>(value); });
}

}  // namespace alphaprune::linalg
