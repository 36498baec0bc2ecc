#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "alphaprune/linalg/matrix_source.hpp"

namespace alphaprune::test {

struct Shape {
    std::int64_t rows;
    std::int64_t cols;
};

/// A matrix in memory, row-major, that can be told what to do when it is read.
class MemorySource : public linalg::MatrixSource {
  public:
    MemorySource(Shape shape, std::vector<double> values)
        : shape_(shape), values_(std::move(values)) {}

    std::int64_t rows() const override { return shape_.rows; }
    std::int64_t cols() const override { return shape_.cols; }
    std::string name() const override { return "test.weight in memory"; }
    void read(const linalg::Rectangle& part, std::span<double> out) override;

    double& at(std::int64_t row, std::int64_t col) { return values_[row * shape_.cols + col]; }
    std::function<void(const linalg::Rectangle&)> on_read = [](const linalg::Rectangle&) {};

  private:
    Shape shape_;
    std::vector<double> values_;
};

/// Repeatable noise with bfloat16's 8 bits of mantissa and a few entries hundreds of times as large
/// as the others, as trained weights have.
MemorySource spiked_matrix(Shape shape, std::uint64_t seed);

/// A full matrix with these singular values (min(rows, cols) of them), made with two reflections.
MemorySource matrix_with_singular_values(Shape shape, const std::vector<double>& values);

/// Eigenvalues of the smaller Gram matrix, ascending: a plain triple loop and Jacobi rotations.
std::vector<double> reference_spectrum(MemorySource& matrix);

/// The tolerance asked of every backend: 1e-12·λmax·n.
double tolerance_for(const std::vector<double>& spectrum);

/// Largest difference, element by element; infinite when the lengths differ.
double largest_difference(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace alphaprune::test
