#include "fake_sums.hpp"

#include <cmath>
#include <cstring>
#include <vector>

#include "blas.hpp"

using alphaprune::linalg::ForwardPrecision;
using namespace alphaprune::transformer::card;

namespace {

/// To eleven bits, ties to even; what is not finite stays so.
float rounded_to_tf32(float value) {
    constexpr std::uint32_t kDropped = 13;
    if (!std::isfinite(value)) {
        return value;
    }
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    bits += (std::uint32_t{1} << (kDropped - 1)) - 1 + (bits >> kDropped & 1U);
    bits = bits >> kDropped << kDropped;
    std::memcpy(&value, &bits, sizeof bits);
    return value;
}

/// rows × width, one row after another.
std::vector<float> factor_of(const float* values, std::int64_t rows, std::int64_t width,
                             std::int64_t stride, ForwardPrecision precision) {
    std::vector<float> factor;
    for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t i = 0; i < width; ++i) {
            const float value = values[row * stride + i];
            factor.push_back(precision == ForwardPrecision::float32 ? value
                                                                    : rounded_to_tf32(value));
        }
    }
    return factor;
}

}  // namespace

void sum_up(const ProductSum& work, ForwardPrecision precision, TouchedMemory& memory) {
    memory.expect(work.tokens > 0 && work.rows >= 0 && work.cols >= 0, "sizes");
    memory.expect(
        work.a_stride >= work.rows && work.b_stride >= work.cols && work.sum_stride >= work.cols,
        "rows that overlap");
    for (std::int64_t token = 0; token < work.tokens; ++token) {
        memory.reads(work.a + token * work.a_stride, work.rows, "a");
        memory.reads(work.b + token * work.b_stride, work.cols, "b");
    }
    for (std::int64_t row = 0; row < work.rows; ++row) {
        memory.writes(work.sum + row * work.sum_stride, work.cols, "sum");
    }
    memory.end();
    if (work.rows == 0 || work.cols == 0) {
        return;
    }
    const auto a = factor_of(work.a, work.tokens, work.rows, work.a_stride, precision);
    const auto b = factor_of(work.b, work.tokens, work.cols, work.b_stride, precision);
    const int m = static_cast<int>(work.cols);
    const int n = static_cast<int>(work.rows);
    const int k = static_cast<int>(work.tokens);
    const int stride = static_cast<int>(work.sum_stride);
    const float one = 1;
    const float before = work.add_to_it ? 1.0F : 0.0F;
    sgemm_("N", "T", &m, &n, &k, &one, b.data(), &m, a.data(), &n, &before, work.sum, &stride, 1,
           1);
}

void take_difference(const Difference& work, TouchedMemory& memory) {
    memory.reads(work.a, work.count, "a");
    memory.reads(work.b, work.count, "b");
    memory.writes(work.out, work.count, "out");
    memory.end();
    for (std::int64_t i = 0; i < work.count; ++i) {
        const float difference = work.a[i] - work.b[i];
        work.out[i] = work.factor * difference;
    }
}

void widen_sums(double* sums, const float* values, std::int64_t count, TouchedMemory& memory) {
    memory.reads(values, count, "values");
    memory.writes(sums, count, "sums");
    memory.end();
    for (std::int64_t i = 0; i < count; ++i) {
        sums[i] += static_cast<double>(values[i]);
    }
}
