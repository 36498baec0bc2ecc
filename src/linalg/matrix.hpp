#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>
#include <stdexcept>
#include <vector>

#include "alphaprune/support/error.hpp"

namespace alphaprune::linalg {

/// The error of a rank that has no memory for what a rows × cols matrix takes.
support::Error no_room_for(std::int64_t rows, std::int64_t cols, std::size_t bytes);

/// Of std::aligned_alloc.
struct FreeMemory {
    void operator()(void* memory) const { std::free(memory); }
};
template <class Real>
using AlignedMemory = std::unique_ptr<Real[], FreeMemory>;

/// Memory for what a rows × cols matrix takes. @throws Error (failure) when there is not enough
/// @param bytes  a multiple of the alignment, not zero
template <class Real>
AlignedMemory<Real> aligned_memory(std::size_t alignment, std::size_t bytes, std::int64_t rows,
                                   std::int64_t cols) {
    AlignedMemory<Real> memory(static_cast<Real*>(std::aligned_alloc(alignment, bytes)));
    if (!memory) {
        throw no_room_for(rows, cols, bytes);
    }
    return memory;
}

/// A column-major matrix of doubles in memory of its own, zero at first, aligned to cache lines.
class Matrix {
  public:
    Matrix() = default;
    /// @throws Error (failure) when there is not enough memory
    Matrix(std::int64_t rows, std::int64_t cols);

    std::int64_t rows() const { return rows_; }
    std::int64_t cols() const { return cols_; }
    double* data() { return values_.get(); }
    const double* data() const { return values_.get(); }
    std::span<double> column(std::int64_t col) {
        return {values_.get() + col * rows_, static_cast<std::size_t>(rows_)};
    }
    std::span<const double> column(std::int64_t col) const {
        return {values_.get() + col * rows_, static_cast<std::size_t>(rows_)};
    }
    std::span<double> values() { return {values_.get(), static_cast<std::size_t>(rows_ * cols_)}; }
    double& operator()(std::int64_t row, std::int64_t col) { return column(col)[row]; }

  private:
    std::int64_t rows_ = 0;
    std::int64_t cols_ = 0;
    AlignedMemory<double> values_;
};

}  // namespace alphaprune::linalg
