// Weights of low scores that a card drops, against a stable sort.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "transformer/lane_fixture.hpp"

namespace alphaprune::test {
namespace {

constexpr ScalarType kStoredTypes[] = {ScalarType::bfloat16, ScalarType::float16,
                                       ScalarType::float32};

/// A matrix as it is stored, and the scales of its columns.
struct ScoredMatrix {
    ScalarType type{};
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    std::vector<std::byte> stored;
    std::vector<float> scales;

    std::vector<float> scores() const {
        std::vector<float> scores(static_cast<std::size_t>(rows * cols));
        support::widen(stored, type, std::span(scores));
        for (std::size_t i = 0; i < scores.size(); ++i) {
            scores[i] = std::abs(scores[i]) * scales[i % static_cast<std::size_t>(cols)];
        }
        return scores;
    }
};

ScoredMatrix stored_with(ScalarType type, std::int64_t rows, const std::vector<float>& weights,
                         std::vector<float> scales) {
    ScoredMatrix made{type, rows, std::ssize(scales), {}, std::move(scales)};
    made.stored.resize(weights.size() * support::size_of(type));
    support::narrow(weights, type, made.stored);
    return made;
}

enum class WeightKind {
    wide,     ///< of all sizes; zeros of either sign and subnormal ones among them
    few,      ///< weights and scales of few values, zeros too: ties everywhere
    close,    ///< many that differ in their last bits alone
    constant  ///< all the same
};
constexpr WeightKind kAllKinds[] = {WeightKind::wide, WeightKind::few, WeightKind::close,
                                    WeightKind::constant};

ScoredMatrix make_scored(ScalarType type, std::int64_t rows, std::int64_t cols, WeightKind kind) {
    std::vector<float> weights = random_values(rows * cols, 31);
    std::vector<float> scales = random_values(cols, 32);
    const auto each = [](std::vector<float>& all, const auto& change) {
        std::transform(all.begin(), all.end(), all.begin(), change);
    };
    switch (kind) {
        case WeightKind::wide: {
            weights = wide_values(rows * cols, 33);
            scales = wide_values(cols, 34, -3, 3);
            each(scales, [](float scale) { return std::abs(scale); });
            // The smallest and the largest subnormal value of each type.
            const float special[] = {0.0F,
                                     -0.0F,
                                     std::ldexp(-1.0F, -149),
                                     std::ldexp(8388607.0F, -149),
                                     std::ldexp(-1.0F, -133),
                                     std::ldexp(127.0F, -133),
                                     std::ldexp(-1.0F, -24),
                                     std::ldexp(1023.0F, -24)};
            for (std::size_t i = 0; i < weights.size(); i += 3) {
                weights[i] = special[i / 3 % std::size(special)];
            }
            break;
        }
        case WeightKind::few:
            each(weights, [](float weight) { return std::round(4 * weight) / 2; });
            each(scales, [](float scale) { return std::abs(std::round(2 * scale)); });
            break;
        case WeightKind::close:
            each(weights, [](float weight) { return 1 + std::ldexp(weight, -15); });
            std::fill(scales.begin(), scales.end(), 0.75F);
            break;
        case WeightKind::constant:
            std::fill(weights.begin(), weights.end(), -1.5F);
            std::fill(scales.begin(), scales.end(), 2.0F);
            break;
    }
    return stored_with(type, rows, weights, std::move(scales));
}

/// What is left of the matrix, group by group of a row, or row by row.
std::vector<std::byte> what_is_left(const ScoredMatrix& matrix, const card::Dropping& work) {
    std::vector<std::byte> left = matrix.stored;
    const std::vector<float> scores = matrix.scores();
    const std::size_t bytes = support::size_of(matrix.type);
    const std::int64_t group = work.group > 0 ? work.group : matrix.cols;
    for (std::int64_t row = 0; row < matrix.rows; ++row) {
        for (std::int64_t first = 0; first < matrix.cols; first += group) {
            const std::int64_t width = std::min(group, matrix.cols - first);
            const std::int64_t dropped =
                work.group > 0
                    ? static_cast<std::int64_t>(std::floor(
                          static_cast<double>(width * work.removed) / static_cast<double>(group)))
                    : work.dropped;
            std::vector<std::size_t> order(static_cast<std::size_t>(width));
            std::iota(order.begin(), order.end(), row * matrix.cols + first);
            std::stable_sort(order.begin(), order.end(), [&](std::size_t one, std::size_t other) {
                return scores[one] < scores[other];
            });
            for (std::int64_t i = 0; i < dropped; ++i) {
                std::memset(left.data() + order[static_cast<std::size_t>(i)] * bytes, 0, bytes);
            }
        }
    }
    return left;
}

class LaneDropping : public ForwardLane {
  protected:
    /// @param asked  its memory, type and sizes are the matrix's
    std::int64_t drop(const ScoredMatrix& matrix, card::Dropping asked,
                      std::vector<std::byte>& left) {
        std::byte* const weights = put(matrix.stored);
        asked.weights = weights;
        asked.type = matrix.type;
        asked.rows = matrix.rows;
        asked.cols = matrix.cols;
        asked.scales = put(matrix.scales);
        const std::int64_t overflows = lane_->drop_lowest(asked);
        left = get(weights, std::ssize(matrix.stored));
        EXPECT_TRUE(same_bits(get(asked.scales, matrix.cols), matrix.scales));
        return overflows;
    }
    void expect_dropped(const ScoredMatrix& matrix, const card::Dropping& asked) {
        std::vector<std::byte> left;
        EXPECT_EQ(drop(matrix, asked, left), 0);
        EXPECT_TRUE(same_bits(left, what_is_left(matrix, asked)))
            << support::name_of(matrix.type) << ", " << matrix.rows << " × " << matrix.cols
            << ", dropped " << asked.dropped << ", pattern " << asked.removed << ":" << asked.group;
    }
    static card::Dropping pattern(int removed, int group) {
        card::Dropping asked;
        asked.group = group;
        asked.removed = removed;
        return asked;
    }
    static card::Dropping number(std::int64_t dropped) {
        card::Dropping asked;
        asked.dropped = dropped;
        return asked;
    }
};

/// The widest rows are more than the shared memory of a card holds.
TEST_F(LaneDropping, DropsTheLowestOfEachRow) {
    for (const std::int64_t cols : {1, 5, 33, 1000, 28672, 50000, 60001}) {
        const std::int64_t rows = cols > 1000 ? 2 : 7;
        for (const ScalarType type : kStoredTypes) {
            for (const WeightKind kind : kAllKinds) {
                const ScoredMatrix matrix = make_scored(type, rows, cols, kind);
                for (const std::int64_t dropped :
                     {std::int64_t{0}, std::int64_t{1}, cols / 2, cols - 1, cols}) {
                    expect_dropped(matrix, number(dropped));
                }
            }
        }
    }
}

TEST_F(LaneDropping, DropsTheLowestOfEachGroup) {
    constexpr std::pair<int, int> kPatterns[] = {{1, 2}, {2, 4},  {3, 4},  {2, 5},
                                                 {4, 8}, {5, 11}, {1, 16}, {15, 16}};
    for (const auto& [removed, group] : kPatterns) {
        for (const std::int64_t cols : {1, 5, 33, 1007, 4096}) {
            for (const ScalarType type : kStoredTypes) {
                for (const WeightKind kind : kAllKinds) {
                    expect_dropped(make_scored(type, 5, cols, kind), pattern(removed, group));
                }
            }
        }
    }
}

/// More than a card works at at once.
TEST_F(LaneDropping, DropsFromManyRows) {
    const ScoredMatrix tall = make_scored(ScalarType::bfloat16, 70'001, 5, WeightKind::few);
    expect_dropped(tall, number(2));
    expect_dropped(tall, pattern(1, 2));
    const ScoredMatrix large = make_scored(ScalarType::float16, 1031, 4099, WeightKind::wide);
    expect_dropped(large, number(2869));
    expect_dropped(large, pattern(2, 4));
    card::Dropping none = number(0);
    none.cols = 5;
    EXPECT_EQ(lane_->drop_lowest(none), 0);
    none.group = 4;
    none.removed = 2;
    EXPECT_EQ(lane_->drop_lowest(none), 0);
}

/// Drops nothing then, in whatever row they are.
TEST_F(LaneDropping, CountsScoresThatAreNotFinite) {
    const float infinite = std::numeric_limits<float>::infinity();
    for (const ScalarType type : kStoredTypes) {
        for (const std::int64_t rows : {3, 5000}) {
            ScoredMatrix matrix = make_scored(type, rows, 37, WeightKind::few);
            std::vector<float> weights(matrix.stored.size() / support::size_of(type));
            support::widen(matrix.stored, type, std::span(weights));
            weights.back() = -infinite;  // times zero, it may be
            weights[5] = std::numeric_limits<float>::quiet_NaN();
            weights[41] = -60000;
            std::vector<float> scales = matrix.scales;
            scales[4] = std::ldexp(1.0F, 127);  // what is finite overflows, but zeros
            scales[7] = infinite;               // zeros, too
            matrix = stored_with(type, rows, weights, scales);
            std::int64_t expected = 0;
            for (const float score : matrix.scores()) {
                expected += std::isfinite(score) ? 0 : 1;
            }
            ASSERT_GT(expected, rows + 2);
            for (const card::Dropping& asked : {number(0), number(18), pattern(2, 4)}) {
                std::vector<std::byte> left;
                EXPECT_EQ(drop(matrix, asked, left), expected);
                EXPECT_TRUE(same_bits(left, matrix.stored)) << support::name_of(type);
            }
            expect_dropped(make_scored(type, 3, 37, WeightKind::wide), number(18));  // goes on
        }
    }
}

}  // namespace
}  // namespace alphaprune::test
