#include "alphaprune/linalg/aligned_rows.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "alphaprune/linalg/arithmetic.hpp"
#include "support/threads.hpp"

namespace alphaprune::linalg {
namespace {

TEST(AlignedRows, AreSharedInCompleteGroupsOneForEachThreadAtMost) {
    constexpr std::int64_t kGroup = AlignedRows::group();
    for (const int threads : {1, 2, 3}) {
        for (const std::int64_t groups : {0, 1, 2, 3, 7}) {
            std::mutex guard;
            std::set<std::pair<std::int64_t, std::int64_t>> parts;
            share_groups(*test::threads_of(threads), groups * kGroup, [&](parallel::RowRange rows) {
                const std::scoped_lock lock(guard);
                parts.emplace(rows.begin, rows.end);
            });
            EXPECT_LE(std::ssize(parts), threads);
            EXPECT_GE(std::ssize(parts), std::min<std::int64_t>((groups + 1) / 2, threads));
            std::int64_t at = 0;
            for (const auto& [begin, end] : parts) {
                EXPECT_EQ(begin, at);
                EXPECT_EQ((end - begin) % kGroup, 0);
                at = end;
            }
            EXPECT_EQ(at, groups * kGroup);
        }
    }
}

/// Small products, large ones, and such as only many rows make large.
TEST(AlignedRows, ProductsHaveTheBitsOfEachGroupByItself) {
    use_one_blas_thread();
    constexpr std::int64_t kGroup = AlignedRows::group();
    constexpr std::int64_t kRows = 10 * kGroup;
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    const auto matrix = [&](std::int64_t rows, std::int64_t cols) {
        std::vector<float> values(static_cast<std::size_t>(rows * cols));
        std::ranges::generate(values, [&] { return normal(random); });
        return values;
    };
    for (const auto& [inner, cols] : {std::pair<std::int64_t, std::int64_t>{7, 9},
                                      {64, 100},
                                      {100, 72},
                                      {128, 142},
                                      {128, 160},
                                      {172, 200},
                                      {300, 257}}) {
        const auto a = matrix(kRows, inner);
        const auto b = matrix(inner, cols);
        const auto before = matrix(kRows, cols);
        for (const auto& [alpha, beta] : {std::pair{1.0F, 0.0F}, {-1.0F, 1.0F}, {0.75F, 1.0F}}) {
            const auto product = [&, alpha = alpha, beta = beta, inner = inner,
                                  cols = cols](std::int64_t step) {
                auto c = before;
                for (std::int64_t row = 0; row < kRows; row += step) {
                    sgemm_of_groups(alpha, {a.data() + row * inner, step, inner, inner},
                                    {b.data(), inner, cols, cols}, beta,
                                    {c.data() + row * cols, step, cols, cols});
                }
                return c;
            };
            const auto whole = product(kRows);
            EXPECT_EQ(product(kGroup), whole) << inner << " x " << cols << ", " << alpha;
            EXPECT_EQ(product(5 * kGroup), whole) << inner << " x " << cols << ", " << alpha;
            for (const std::int64_t i : {std::int64_t{0}, kGroup + 5, kRows - 1}) {
                for (const std::int64_t j : {std::int64_t{0}, cols - 1}) {
                    double expected = beta * before[static_cast<std::size_t>(i * cols + j)];
                    for (std::int64_t k = 0; k < inner; ++k) {
                        expected += double{alpha} * a[static_cast<std::size_t>(i * inner + k)] *
                                    b[static_cast<std::size_t>(k * cols + j)];
                    }
                    EXPECT_NEAR(whole[static_cast<std::size_t>(i * cols + j)], expected, 1e-4);
                }
            }
        }
    }
}

}  // namespace
}  // namespace alphaprune::linalg
