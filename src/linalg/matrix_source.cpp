#include "alphaprune/linalg/matrix_source.hpp"

#include <cstring>

namespace alphaprune::linalg {

void MatrixSource::read_stored(std::int64_t row_begin, std::int64_t row_end,
                               std::span<std::byte> out) {
    std::vector<double> values(out.size() / sizeof(double));
    read({row_begin, row_end, 0, cols()}, values);
    std::memcpy(out.data(), values.data(), out.size());
}

}  // namespace alphaprune::linalg
