// Products of matrices whose rows lie apart on a card, and memory there that grows.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "alphaprune/linalg/far_lane.hpp"
#include "transformer/lane_fixture.hpp"

namespace alphaprune::test {
namespace {

class LaneMatrixProducts : public ForwardLane {
  protected:
    void expect_product(linalg::MatrixProduct work);
};

/// With values between the rows, which must stay. @param work  its sizes and factors
void LaneMatrixProducts::expect_product(linalg::MatrixProduct work) {
    work.a_stride = work.inner + 3;
    work.b_stride = work.cols + 5;
    work.out_stride = work.cols + 1;
    const std::vector<float> a = wide_values(work.rows * work.a_stride, 1, -2, 1);
    const std::vector<float> b = wide_values(work.inner * work.b_stride, 2, -2, 1);
    const std::vector<float> before = wide_values(work.rows * work.out_stride, 3, -2, 1);
    work.a = put(a);
    work.b = put(b);
    work.out = put(before);
    lane_->multiply_add(work);
    const std::vector<float> found = get(work.out, std::ssize(before));
    Comparison comparison;
    for (std::int64_t i = 0; i < work.rows; ++i) {
        for (std::int64_t j = 0; j < work.cols; ++j) {
            const auto at = static_cast<std::size_t>(i * work.out_stride + j);
            double exact = double{work.beta} * double{before[at]};
            double size = std::abs(exact);
            for (std::int64_t k = 0; k < work.inner; ++k) {
                const double product = double{work.alpha} *
                                       double{a[static_cast<std::size_t>(i * work.a_stride + k)]} *
                                       double{b[static_cast<std::size_t>(k * work.b_stride + j)]};
                exact += product;
                size += std::abs(product);
            }
            comparison.add(found[at], exact, sum_error(work.inner + 2) * size);
        }
        const auto between = static_cast<std::size_t>(i * work.out_stride + work.cols);
        EXPECT_EQ(found[between], before[between]);
    }
    comparison.expect_all_near(std::to_string(work.rows) + " × " + std::to_string(work.inner) +
                               " × " + std::to_string(work.cols));
    float* const again = put(before);
    work.out = again;
    lane_->multiply_add(work);
    EXPECT_TRUE(same_bits(get(again, std::ssize(before)), found));
}

TEST_F(LaneMatrixProducts, AddProductsOfRowsThatLieApart) {
    struct Factors {
        float alpha, beta;
    };
    for (const Factors& factors : {Factors{1, 0}, {-1, 1}, {0.3F, -0.7F}}) {
        for (const auto& [rows, inner, cols] : {std::array<std::int64_t, 3>{1, 1, 1},
                                                {1, 300, 300},
                                                {7, 33, 20},
                                                {129, 128, 65},
                                                {1000, 40, 33},
                                                {33, 1000, 1},
                                                {5, 0, 9}}) {
            linalg::MatrixProduct work;
            work.alpha = factors.alpha;
            work.beta = factors.beta;
            work.rows = rows;
            work.inner = inner;
            work.cols = cols;
            expect_product(work);
        }
    }
    lane_->multiply_add({});
}

/// As after the panel of SparseGPT: all of it in one matrix, side by side.
TEST_F(LaneMatrixProducts, SubtractErrorsFromTheColumnsRightOfAPanel) {
    constexpr std::int64_t kRows = 100;
    constexpr std::int64_t kOrder = 300;
    constexpr std::int64_t kPanel = 128;
    const std::vector<float> weights = random_values(kRows * kOrder, 4);
    const std::vector<float> factor = random_values(kOrder * kOrder, 5);
    float* const there = put(weights);
    const float* const upper = put(factor);
    lane_->multiply_add({-1, there, kOrder, upper + kPanel, kOrder, 1, there + kPanel, kOrder,
                         kRows, kPanel, kOrder - kPanel});
    const std::vector<float> found = get(there, kRows * kOrder);
    Comparison comparison;
    for (std::int64_t i = 0; i < kRows; ++i) {
        for (std::int64_t j = 0; j < kOrder; ++j) {
            const auto at = static_cast<std::size_t>(i * kOrder + j);
            double exact = weights[at];
            double size = std::abs(exact);
            for (std::int64_t k = 0; k < kPanel && j >= kPanel; ++k) {
                const double product = double{weights[static_cast<std::size_t>(i * kOrder + k)]} *
                                       double{factor[static_cast<std::size_t>(k * kOrder + j)]};
                exact -= product;
                size += std::abs(product);
            }
            comparison.add(found[at], exact, j < kPanel ? 0 : sum_error(kPanel + 1) * size);
        }
    }
    comparison.expect_all_near("columns right of a panel");
}

/// As long as it is not to be added to, whatever is there does not count.
TEST_F(LaneMatrixProducts, ReplaceWhatIsNoNumber) {
    const std::vector<float> a = random_values(33 * 40, 6);
    const std::vector<float> b = random_values(40 * 20, 7);
    float* const out = room(33 * 20);  // NaN
    lane_->multiply_add({1, put(a), 40, put(b), 20, 0, out, 20, 33, 40, 20});
    for (const float value : get(out, 33 * 20)) {
        EXPECT_TRUE(std::isfinite(value));
    }
}

TEST_F(LaneMatrixProducts, FindRoomInMemoryThatGrows) {
    linalg::FarBuffer buffer(*lane_);
    const std::vector<float> values = random_values(1000, 8);
    const std::span<float> first = buffer.filled(std::span<const float>(values));
    EXPECT_EQ(get(first.data(), 1000), values);
    EXPECT_EQ(buffer.at_least(10).data(), first.data());
    EXPECT_EQ(get(first.data(), 1000), values);
    const std::span<double> more = buffer.at_least<double>(100'000);
    lane_->clear(more.data(), more.size_bytes());
    EXPECT_EQ(get(more.data(), 100'000), std::vector<double>(100'000, 0.0));
    linalg::FarBuffer moved = std::move(buffer);
    EXPECT_EQ(moved.at_least<double>(100'000).data(), more.data());
    moved.release();
    EXPECT_TRUE(moved.at_least(0).empty());
}

}  // namespace
}  // namespace alphaprune::test
