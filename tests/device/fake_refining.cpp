#include "fake_refining.hpp"

using alphaprune::linalg::RefinedRows;

namespace {

double dot_product(const float* one, const float* other, std::int64_t count) {
    double sum = 0;
    for (std::int64_t i = 0; i < count; ++i) {
        sum += static_cast<double>(one[i]) * static_cast<double>(other[i]);
    }
    return sum;
}

/// What both steps touch.
void check(const RefinedRows& rows, TouchedMemory& memory) {
    memory.expect(rows.rows >= 0 && rows.cols >= 0, "a negative size");
    const std::int64_t count = rows.rows * rows.cols;
    memory.reads(rows.product, count, "product");
    memory.writes(rows.residual, count, "residual");
    memory.writes(rows.direction, count, "direction");
    memory.writes(rows.squares, rows.rows, "squares");
}

void refine_row(const RefinedRows& rows, std::int64_t row) {
    const std::int64_t first = row * rows.cols;
    float* const residual = rows.residual + first;
    float* const direction = rows.direction + first;
    const float* const product = rows.product + first;
    const double before = rows.squares[row];
    const double curvature = dot_product(direction, product, rows.cols);
    if (!(before > 0) || !(curvature > 0)) {
        return;
    }
    const auto alpha = static_cast<float>(before / curvature);
    for (std::int64_t i = 0; i < rows.cols; ++i) {
        rows.values[first + i] += alpha * direction[i];
        residual[i] -= rows.support[first + i] != 0 ? alpha * product[i] : 0.0F;
    }
    rows.squares[row] = dot_product(residual, residual, rows.cols);
    const auto beta = static_cast<float>(rows.squares[row] / before);
    for (std::int64_t i = 0; i < rows.cols; ++i) {
        direction[i] = residual[i] + beta * direction[i];
    }
}

}  // namespace

void begin_rows(const RefinedRows& rows, const float* right, TouchedMemory& memory) {
    check(rows, memory);
    const std::int64_t count = rows.rows * rows.cols;
    memory.reads(rows.values, count, "values");
    memory.reads(right, count, "right");
    memory.writes(rows.support, count, "support");
    memory.end();
    for (std::int64_t i = 0; i < count; ++i) {
        rows.support[i] = rows.values[i] != 0 ? 1 : 0;
        rows.residual[i] = rows.values[i] != 0 ? right[i] - rows.product[i] : 0.0F;
        rows.direction[i] = rows.residual[i];
    }
    for (std::int64_t row = 0; row < rows.rows; ++row) {
        const float* const residual = rows.residual + row * rows.cols;
        rows.squares[row] = dot_product(residual, residual, rows.cols);
    }
}

void refine_rows(const RefinedRows& rows, TouchedMemory& memory) {
    check(rows, memory);
    const std::int64_t count = rows.rows * rows.cols;
    memory.writes(rows.values, count, "values");
    memory.reads(rows.support, count, "support");
    memory.end();
    for (std::int64_t row = 0; row < rows.rows; ++row) {
        refine_row(rows, row);
    }
}

void multiply_rows(const float* one, const float* other, std::int64_t rows, std::int64_t cols,
                   double* out, TouchedMemory& memory) {
    memory.expect(rows >= 0 && cols >= 0, "a negative size");
    memory.reads(one, rows * cols, "one");
    memory.reads(other, rows * cols, "other");
    memory.writes(out, rows, "out");
    memory.end();
    for (std::int64_t row = 0; row < rows; ++row) {
        out[row] = dot_product(one + row * cols, other + row * cols, cols);
    }
}
