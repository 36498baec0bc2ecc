#include "fake_arithmetic.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "alphaprune/device/card_error.hpp"
#include "blas.hpp"
#include "cuda/spectrum_kernels.hpp"

using alphaprune::device::CardError;
using alphaprune::device::CardFault;
using alphaprune::linalg::ForwardPrecision;
using alphaprune::support::ScalarType;
namespace kernels = alphaprune::linalg::kernels;

int parts_of(ForwardPrecision precision) {
    switch (precision) {
        case ForwardPrecision::bf16:
            return 1;
        case ForwardPrecision::bf16x2:
            return 2;
        default:
            return 3;
    }
}

std::size_t stored_size(ScalarType type) {
    if (type == ScalarType::float64) {
        throw CardError(CardFault::refused, "float64 is not computed with");
    }
    return kernels::bytes_of(type);
}

std::uint32_t narrowed_to(ScalarType type, float value) {
    const std::uint32_t bits = kernels::bits_of_float(value);
    if (type == ScalarType::float32) {
        return bits;
    }
    if (!std::isfinite(value)) {
        const std::uint32_t quiet = std::isnan(value) ? 1 : 0;
        return type == ScalarType::bfloat16 ? (bits >> 16) | (quiet << 6)
                                            : (bits >> 31 << 15) | 0x7C00U | (quiet << 9);
    }
    std::array<std::uint16_t, 4> stored{};  // room for the widest type
    kernels::narrow_to(stored.data(), type, 0, value);
    return stored[0];
}

float rounded_to(ScalarType type, float value) {
    if (type == ScalarType::float32) {
        return value;
    }
    const std::array<std::uint16_t, 4> stored{
        static_cast<std::uint16_t>(narrowed_to(type, value))};  // room for the widest type
    return static_cast<float>(kernels::widen_at(stored.data(), type, 0));
}

Parts split(std::vector<float> values, ScalarType type, int parts) {
    constexpr float kLargest = 3.38953139e38F;  // of bfloat16
    Parts split;
    for (int part = 0; part < parts; ++part) {
        std::vector<float> rounded;
        for (float& rest : values) {
            float value = rounded_to(type, rest);
            if (std::isfinite(rest) && !std::isfinite(value)) {
                value = std::copysign(kLargest, rest);
            }
            rounded.push_back(value);
            rest = std::isfinite(rest) ? rest - value : 0.0F;
        }
        split.push_back(std::move(rounded));
    }
    return split;
}

void add_product(const Parts& a, const Parts& b, bool transposed, std::int64_t rows,
                 std::int64_t others, std::int64_t depth, std::vector<float>& out) {
    if (rows == 0 || others == 0 || depth == 0) {
        return;
    }
    const int m = static_cast<int>(others);
    const int n = static_cast<int>(rows);
    const int k = static_cast<int>(depth);
    const int stride = transposed ? k : m;
    const float one = 1;
    const int last = static_cast<int>(std::max(a.size(), b.size())) - 1;
    for (int order = last; order >= 0; --order) {
        for (int i = 0; i <= order; ++i) {
            const auto of_a = static_cast<std::size_t>(i);
            const auto of_b = static_cast<std::size_t>(order - i);
            if (of_a < a.size() && of_b < b.size()) {
                sgemm_(transposed ? "T" : "N", "N", &m, &n, &k, &one, b[of_b].data(), &stride,
                       a[of_a].data(), &k, &one, out.data(), &m, 1, 1);
            }
        }
    }
}

namespace {

/// By which power of two each row's largest finite value comes to lie between 2^14 and 2^15.
std::vector<int> exponents_into_float16(const std::vector<float>& values, std::int64_t cols) {
    std::vector<int> exponents;
    for (auto row = values.begin(); row != values.end(); row += cols) {
        float largest = 0;
        std::for_each(row, row + cols, [&](float value) {
            largest = std::isfinite(value) ? std::max(largest, std::abs(value)) : largest;
        });
        int exponent = 15;
        std::frexp(largest, &exponent);
        exponents.push_back(largest > 0 ? 15 - exponent : 0);
    }
    return exponents;
}

void scale_rows(std::vector<float>& values, std::int64_t cols, const std::vector<int>& exponents,
                int sign) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = std::ldexp(values[i], sign * exponents[i / static_cast<std::size_t>(cols)]);
    }
}

}  // namespace

std::vector<float> product(const float* input, std::int64_t tokens, std::int64_t cols,
                           const void* weights, ScalarType type, std::int64_t rows,
                           ForwardPrecision precision) {
    std::vector<float> out(static_cast<std::size_t>(tokens * rows), 0.0F);
    if (out.empty() || cols == 0) {
        return out;
    }
    Parts stored(1);
    for (std::int64_t i = 0; i < rows * cols; ++i) {
        stored[0].push_back(static_cast<float>(kernels::widen_at(weights, type, i)));
    }
    std::vector<float> values(input, input + tokens * cols);
    std::vector<int> exponents;
    if (type == ScalarType::float16) {
        exponents = exponents_into_float16(values, cols);
        scale_rows(values, cols, exponents, 1);
    }
    const int parts = type == ScalarType::float32 ? 1 : parts_of(precision);
    add_product(split(std::move(values), type, parts), stored, true, tokens, rows, cols, out);
    if (type == ScalarType::float16) {
        scale_rows(out, rows, exponents, -1);
    }
    return out;
}
