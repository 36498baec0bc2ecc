#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <new>
#include <stdexcept>
#include <vector>

#include "alphaprune/support/error.hpp"
#include "alphaprune/support/machine.hpp"

namespace alphaprune::linalg {

/// rows × cols / divisor zeros. @throws Error (failure) when the memory is not to be had
template <class Real>
std::vector<Real> memory_for(std::int64_t rows, std::int64_t cols, std::int64_t divisor = 1) {
    const auto size = static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols) /
                      static_cast<std::size_t>(divisor);
    try {
        return std::vector<Real>(size);
    } catch (const std::bad_alloc&) {
    } catch (const std::length_error&) {
    }
    throw support::failure(
        fmt::format("out of memory: no room for a {}x{} matrix ({})", rows, cols,
                    support::human_bytes(size * sizeof(Real))),
        support::host_name(),
        "give each rank more memory: use fewer ranks on each node, or more nodes");
}

inline std::vector<float> float_matrix(std::int64_t rows, std::int64_t cols) {
    return memory_for<float>(rows, cols);
}

}  // namespace alphaprune::linalg
