#include "matrix.hpp"

#include <fmt/format.h>

#include <cstring>

#include "alphaprune/support/error.hpp"
#include "alphaprune/support/machine.hpp"

namespace alphaprune::linalg {

Matrix::Matrix(std::int64_t rows, std::int64_t cols) : rows_(rows), cols_(cols) {
    constexpr std::size_t kLine = 64;
    const std::size_t bytes = static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols) * 8;
    const std::size_t whole_lines = (bytes / kLine + 1) * kLine;  // never none: no null pointer
    values_.reset(static_cast<double*>(std::aligned_alloc(kLine, whole_lines)));
    if (!values_) {
        throw support::failure(
            fmt::format("out of memory: no room for a {}x{} matrix ({})", rows, cols,
                        support::human_bytes(whole_lines)),
            support::host_name(),
            "give each rank more memory: use fewer ranks on each node, or more nodes");
    }
    std::memset(values_.get(), 0, whole_lines);
}

}  // namespace alphaprune::linalg
