#include "alphaprune/linalg/packed_product.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include "alphaprune/support/scalar.hpp"

namespace alphaprune::test {
namespace {

using linalg::ForwardPrecision;
using linalg::PackedParts;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinite = std::numeric_limits<float>::infinity();

/// A matrix whose rows lie further apart than they are wide; the gaps are NaN.
struct GappedMatrix {
    std::int64_t rows, cols, stride;
    std::vector<float> values;

    GappedMatrix(std::int64_t rows, std::int64_t cols, std::int64_t gap)
        : rows(rows),
          cols(cols),
          stride(cols + gap),
          values(static_cast<std::size_t>(rows * stride), kNan) {}
    float& at(std::int64_t row, std::int64_t col) {
        return values[static_cast<std::size_t>(row * stride + col)];
    }
    float at(std::int64_t row, std::int64_t col) const {
        return values[static_cast<std::size_t>(row * stride + col)];
    }
    linalg::FloatView view() { return {values.data(), rows, cols, stride}; }
    linalg::ConstFloatView view() const { return {values.data(), rows, cols, stride}; }
};

float in_bf16(float value) {
    return support::bfloat16_to_float(support::float_to_bfloat16(value));
}

struct ValueInParts {
    double whole, hi, lo;
};

/// Rounded once, it is all there is of the value.
ValueInParts in_parts(float value, bool two) {
    const float hi = in_bf16(value);
    const float lo = in_bf16(value - hi);
    return two ? ValueInParts{static_cast<double>(value), static_cast<double>(hi),
                              static_cast<double>(lo)}
               : ValueInParts{static_cast<double>(hi), static_cast<double>(hi), 0.0};
}

std::vector<ValueInParts> in_parts(const GappedMatrix& matrix, bool two) {
    std::vector<ValueInParts> parts;
    for (std::int64_t i = 0; i < matrix.rows; ++i) {
        for (std::int64_t j = 0; j < matrix.cols; ++j) {
            parts.push_back(in_parts(matrix.at(i, j), two));
        }
    }
    return parts;
}

GappedMatrix random_matrix(std::int64_t rows, std::int64_t cols, std::int64_t gap, unsigned seed,
                           bool rounded) {
    std::mt19937 bits(seed);
    std::normal_distribution<float> normal;
    GappedMatrix matrix(rows, cols, gap);
    for (std::int64_t i = 0; i < rows; ++i) {
        for (std::int64_t j = 0; j < cols; ++j) {
            matrix.at(i, j) = rounded ? in_bf16(normal(bits)) : normal(bits);
        }
    }
    return matrix;
}

struct PackedMatrix {
    std::vector<std::byte> bytes;
    linalg::PackedShape shape;

    PackedMatrix(const GappedMatrix& weights, PackedParts parts)
        : shape{weights.rows, weights.cols, parts} {
        bytes.resize(linalg::packed_bytes(shape), std::byte{0xFF});  // NaN where nothing is written
        linalg::pack_weights(weights.view(), 0, shape, bytes);
    }
    linalg::PackedWeights view() const { return {bytes, shape}; }
};

GappedMatrix product(const GappedMatrix& input, const PackedMatrix& weights,
                     ForwardPrecision precision) {
    linalg::SplitBuffer split;
    split.assign(input.view(), precision);
    linalg::ProductScratch scratch;
    GappedMatrix out(input.rows, weights.shape.outputs, 5);
    linalg::packed_product(split.split(), weights.view(), 0, false, out.view(), scratch);
    return out;
}

struct ProductCase {
    std::int64_t tokens, outputs, inputs;
    ForwardPrecision precision;
    PackedParts parts;
    bool add;
};

void PrintTo(const ProductCase& one, std::ostream* out) {
    *out << one.tokens << " x " << one.outputs << " x " << one.inputs << ' '
         << linalg::name_of(one.precision) << (one.parts == PackedParts::two ? " two" : " one")
         << (one.add ? " add" : "");
}

class PackedProductCase : public testing::TestWithParam<ProductCase> {
  protected:
    void SetUp() override {
        if (!linalg::has_bf16_products()) {
            GTEST_SKIP() << "no oneDNN or no instructions for bfloat16 here";
        }
    }
};

/// The operands as they are specified, multiplied and summed in float64.
TEST_P(PackedProductCase, AgreesWithPlainLoops) {
    const auto [tokens, outputs, inputs, precision, parts, add] = GetParam();
    const bool exact = precision == ForwardPrecision::bf16x2;
    const auto input = random_matrix(tokens, inputs, 3, 1, false);
    // In one part only weights that are so stored are exact.
    const auto weights = random_matrix(outputs, inputs, 2, 2, exact && parts == PackedParts::one);
    auto out = random_matrix(tokens, outputs, 7, 3, false);
    if (!add) {
        std::ranges::fill(out.values, kNan);
    }
    const auto before = out;
    const PackedMatrix packed(weights, parts);
    linalg::SplitBuffer split;
    split.assign(input.view(), precision);
    linalg::ProductScratch scratch;
    linalg::packed_product(split.split(), packed.view(), 0, add, out.view(), scratch);
    // What is left out of operands in two parts: at most 2^-17 of each, and as much for the product
    // of two second parts; less than half of that where signs vary.
    const double left_out = !exact ? 1e-6 : parts == PackedParts::one ? 4e-6 : 12e-6;
    const auto xs = in_parts(input, exact);
    const auto ws = in_parts(weights, exact);
    for (std::int64_t i = 0; i < tokens; ++i) {
        for (std::int64_t j = 0; j < outputs; ++j) {
            double specified = add ? static_cast<double>(before.at(i, j)) : 0.0;
            double product = specified;
            double size = std::abs(specified);
            for (std::int64_t k = 0; k < inputs; ++k) {
                const ValueInParts& x = xs[static_cast<std::size_t>(i * inputs + k)];
                const ValueInParts& w = ws[static_cast<std::size_t>(j * inputs + k)];
                specified += x.hi * w.hi + x.lo * w.hi + x.hi * w.lo;
                product += x.whole * w.whole;
                size += std::abs(x.whole * w.whole);
            }
            const auto found = static_cast<double>(out.at(i, j));
            ASSERT_NEAR(found, specified, 1e-6 * size) << i << ", " << j;
            ASSERT_NEAR(found, product, left_out * size) << i << ", " << j;
        }
        for (std::int64_t j = outputs; j < (i + 1 < tokens ? out.stride : outputs); ++j) {
            ASSERT_TRUE(std::isnan(out.at(i, j))) << "outside the part";
        }
    }
}

std::vector<ProductCase> product_cases() {
    std::vector<ProductCase> cases;
    for (const auto& [tokens, outputs, inputs] : {std::array<std::int64_t, 3>{1, 1, 1},
                                                  {1, 3, 17},
                                                  {5, 64, 32},
                                                  {16, 70, 33},
                                                  {33, 130, 96},
                                                  {1, 300, 1000},
                                                  {64, 257, 64},
                                                  {100, 513, 320},
                                                  {7, 40, 4099}}) {
        for (const auto precision : {ForwardPrecision::bf16x2, ForwardPrecision::bf16}) {
            for (const auto parts : {PackedParts::one, PackedParts::two}) {
                for (const bool add : {false, true}) {
                    cases.push_back({tokens, outputs, inputs, precision, parts, add});
                }
            }
        }
    }
    return cases;
}

INSTANTIATE_TEST_SUITE_P(All, PackedProductCase, testing::ValuesIn(product_cases()));

class PackedProduct : public PackedProductCase {};

TEST_F(PackedProduct, DoesNothingWithNothing) {
    const PackedMatrix packed(random_matrix(3, 8, 0, 1, true), PackedParts::one);
    linalg::SplitBuffer split;
    linalg::ProductScratch scratch;
    split.assign({nullptr, 0, 8, 8}, ForwardPrecision::bf16);
    EXPECT_NO_THROW(linalg::packed_product(split.split(), packed.view(), 0, false,
                                           {nullptr, 0, 3, 3}, scratch));
}

/// What a tile is computed from is all that its bits depend on: not on who packed, on the strides,
/// on what the memory was used for before, nor on other threads.
TEST_F(PackedProduct, HasTheSameBitsInAnyThread) {
    const auto input = random_matrix(50, 200, 0, 1, false);
    const auto weights = random_matrix(300, 200, 0, 2, false);
    const PackedMatrix whole(weights, PackedParts::two);
    PackedMatrix shared = whole;
    std::ranges::fill(shared.bytes, std::byte{0xFF});
    const auto expected = product(input, whole, ForwardPrecision::bf16x2);

    std::vector<std::thread> threads;
    for (std::int64_t first = 0; first < 300; first += 64) {
        threads.emplace_back([&, first] {
            const auto rows = std::min<std::int64_t>(64, 300 - first);
            linalg::pack_weights(
                {&weights.values[static_cast<std::size_t>(first * 200)], rows, 200, 200}, first,
                shared.shape, shared.bytes);
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(shared.bytes, whole.bytes);

    threads.clear();
    std::vector<int> different(4, 0);
    for (std::size_t number = 0; number < different.size(); ++number) {
        threads.emplace_back([&, number] {
            linalg::SplitBuffer split;
            linalg::ProductScratch scratch;
            for (int repeat = 0; repeat < 10; ++repeat) {
                // Another tile in between, larger, of infinities.
                const GappedMatrix other(80, 200, 0);
                GappedMatrix ignored(80, 300, 0);
                split.assign(other.view(), ForwardPrecision::bf16x2);
                linalg::packed_product(split.split(), whole.view(), 0, false, ignored.view(),
                                       scratch);

                GappedMatrix out(50, 300, static_cast<std::int64_t>(number));
                split.assign(input.view(), ForwardPrecision::bf16x2);
                linalg::packed_product(split.split(), whole.view(), 0, false, out.view(), scratch);
                for (std::int64_t i = 0; i < 50; ++i) {
                    for (std::int64_t j = 0; j < 300; ++j) {
                        different[number] += out.at(i, j) != expected.at(i, j) ? 1 : 0;
                    }
                }
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(different, std::vector<int>(4, 0));
}

/// Some outputs of a larger matrix are those of the matrix that consists of them.
TEST_F(PackedProduct, ComputesAnyPartOfTheOutputs) {
    const auto input = random_matrix(20, 100, 0, 1, false);
    const auto weights = random_matrix(400, 100, 0, 2, false);
    GappedMatrix part(170, 100, 0);
    std::copy_n(weights.values.begin() + 128 * 100, part.values.size(), part.values.begin());
    const auto expected =
        product(input, PackedMatrix(part, PackedParts::two), ForwardPrecision::bf16x2);
    const PackedMatrix packed(weights, PackedParts::two);
    linalg::SplitBuffer split;
    split.assign(input.view(), ForwardPrecision::bf16x2);
    linalg::ProductScratch scratch;
    GappedMatrix out(20, 170, 0);
    linalg::packed_product(split.split(), packed.view(), 128, false, out.view(), scratch);
    for (std::int64_t i = 0; i < 20; ++i) {
        for (std::int64_t j = 0; j < 170; ++j) {
            ASSERT_EQ(out.at(i, j), expected.at(i, j)) << i << ", " << j;
        }
    }
}

/// As float32 has it: NaN where an operand is NaN or an infinity meets a zero or its opposite.
TEST_F(PackedProduct, LetsInfinitiesAndNanThrough) {
    auto input = random_matrix(6, 40, 0, 1, false);
    auto weights = random_matrix(70, 40, 0, 2, true);
    weights.at(5, 7) = 0;
    weights.at(6, 7) = -1;
    weights.at(7, 7) = 1;
    weights.at(6, 8) = weights.at(7, 8) = 1;
    input.at(1, 7) = kInfinite;
    input.at(2, 7) = -kInfinite;
    input.at(3, 7) = kNan;
    input.at(4, 7) = input.at(4, 8) = kInfinite;
    input.at(5, 7) = 3.395e38F;  // rounding it to bfloat16 gives infinity
    for (const PackedParts parts : {PackedParts::one, PackedParts::two}) {
        for (const auto precision : {ForwardPrecision::bf16x2, ForwardPrecision::bf16}) {
            const auto out = product(input, PackedMatrix(weights, parts), precision);
            for (std::int64_t i = 0; i < 6; ++i) {
                for (std::int64_t j = 0; j < 70; ++j) {
                    if (i == 5 && precision == ForwardPrecision::bf16) {
                        continue;  // rounded to infinity
                    }
                    float sum = 0;
                    for (std::int64_t k = 0; k < 40; ++k) {
                        sum += input.at(i, k) * weights.at(j, k);
                    }
                    ASSERT_EQ(std::isnan(out.at(i, j)), std::isnan(sum)) << i << ", " << j;
                    if (std::isinf(sum)) {
                        ASSERT_EQ(out.at(i, j), sum) << i << ", " << j;
                    } else if (!std::isnan(sum)) {
                        ASSERT_TRUE(std::isfinite(out.at(i, j))) << i << ", " << j;
                    }
                }
            }
        }
    }
}

}  // namespace
}  // namespace alphaprune::test
