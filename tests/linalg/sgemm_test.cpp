#include "alphaprune/linalg/sgemm.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "alphaprune/support/error.hpp"

namespace alphaprune::test {
namespace {

std::vector<float> values(std::int64_t count, int seed) {
    std::vector<float> result;
    for (std::int64_t i = 0; i < count; ++i) {
        result.push_back(static_cast<float>((i * 37 + seed * 11) % 101 - 50) / 50);
    }
    return result;
}

struct Case {
    std::int64_t m, n, k;
    linalg::Transpose transpose;
    float alpha, beta;
};

class SgemmCase : public testing::TestWithParam<Case> {};

/// Every matrix is a part of a wider one.
TEST_P(SgemmCase, AgreesWithPlainLoops) {
    const auto [m, n, k, transpose, alpha, beta] = GetParam();
    const bool transposed = transpose == linalg::Transpose::yes;
    const linalg::ConstFloatView b_shape{nullptr, transposed ? n : k, transposed ? k : n,
                                         (transposed ? k : n) + 3};
    const auto a = values(m * (k + 2), 1);
    const auto b = values(b_shape.rows * b_shape.stride, 2);
    auto c = values(m * (n + 1), 3);
    if (beta == 0) {
        std::fill(c.begin(), c.end(), std::numeric_limits<float>::quiet_NaN());
    }
    const auto before = c;
    linalg::sgemm(alpha, {a.data(), m, k, k + 2},
                  {b.data(), b_shape.rows, b_shape.cols, b_shape.stride}, transpose, beta,
                  {c.data(), m, n, n + 1});
    for (std::int64_t i = 0; i < m; ++i) {
        for (std::int64_t j = 0; j <= n; ++j) {
            const auto at = static_cast<std::size_t>(i * (n + 1) + j);
            if (j == n) {
                EXPECT_TRUE(c[at] == before[at] || std::isnan(c[at])) << "outside the part";
                continue;
            }
            double sum = beta == 0 ? 0 : static_cast<double>(beta * before[at]);
            double size = std::abs(sum);
            for (std::int64_t l = 0; l < k; ++l) {
                const auto in_b = transposed ? j * b_shape.stride + l : l * b_shape.stride + j;
                const double term =
                    static_cast<double>(alpha) *
                    static_cast<double>(a[static_cast<std::size_t>(i * (k + 2) + l)]) *
                    static_cast<double>(b[static_cast<std::size_t>(in_b)]);
                sum += term;
                size += std::abs(term);
            }
            // The bound for a sum of k + 1 terms, in any order.
            const double bound = std::ldexp(static_cast<double>(k + 2), -24) * size;
            EXPECT_NEAR(static_cast<double>(c[at]), sum, bound) << i << ", " << j;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(All, SgemmCase,
                         testing::Values(Case{1, 1, 1, linalg::Transpose::no, 1, 0},
                                         Case{5, 7, 3, linalg::Transpose::no, 2, 0},
                                         Case{5, 7, 3, linalg::Transpose::yes, 2, 0},
                                         Case{33, 1, 17, linalg::Transpose::yes, 1, 1},
                                         Case{1, 40, 17, linalg::Transpose::no, 1, 0.5F},
                                         Case{64, 70, 90, linalg::Transpose::yes, -1, 1},
                                         Case{64, 70, 90, linalg::Transpose::no, 0.25F, 0},
                                         Case{0, 4, 4, linalg::Transpose::no, 1, 0},
                                         Case{4, 0, 4, linalg::Transpose::yes, 1, 0},
                                         Case{3, 4, 0, linalg::Transpose::yes, 1, 0}));

TEST(Sgemm, RefusesWhatTheBlasCannotCount) {
    const std::int64_t huge = std::int64_t{1} << 31;
    float value = 0;
    EXPECT_THROW(linalg::sgemm(1, {&value, huge, 1, 1}, {&value, 1, 1, 1}, linalg::Transpose::no, 0,
                               {&value, huge, 1, 1}),
                 support::Error);
}

}  // namespace
}  // namespace alphaprune::test
