#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

namespace alphaprune {

/// A column-major matrix in memory of its own, zero at first, aligned to cache lines.
template <class Real>
class BasicMatrix {
  public:
    BasicMatrix() = default;
    /// @throws Error (failure) when the memory is not to be had
    BasicMatrix(std::int64_t rows, std::int64_t cols);

    std::int64_t rows() const { return rows_; }
    std::int64_t cols() const { return cols_; }
    Real* data() { return values_.get(); }
    const Real* data() const { return values_.get(); }
    std::span<Real> column(std::int64_t col) {
        return {values_.get() + col * rows_, static_cast<std::size_t>(rows_)};
    }
    std::span<const Real> column(std::int64_t col) const {
        return {values_.get() + col * rows_, static_cast<std::size_t>(rows_)};
    }
    std::span<Real> values() { return {values_.get(), static_cast<std::size_t>(rows_ * cols_)}; }
    Real& operator()(std::int64_t row, std::int64_t col) { return column(col)[row]; }

  private:
    struct Free {
        void operator()(Real* values) const { std::free(values); }
    };
    std::int64_t rows_ = 0;
    std::int64_t cols_ = 0;
    std::unique_ptr<Real[], Free> values_;
};

using Matrix = BasicMatrix<double>;

}  // namespace alphaprune
