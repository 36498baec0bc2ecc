#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

namespace alphaprune::linalg {

/// A column-major matrix of doubles in memory of its own, zero at first, aligned to cache lines.
class Matrix {
  public:
    Matrix() = default;
    /// @throws Error (failure) when the memory is not to be had
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
    struct Free {
        void operator()(double* values) const { std::free(values); }
    };
    std::int64_t rows_ = 0;
    std::int64_t cols_ = 0;
    std::unique_ptr<double[], Free> values_;
};

}  // namespace alphaprune::linalg
