#include "rotary.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "transformer/random_values.hpp"

namespace alphaprune::test {
namespace {

constexpr std::int64_t kHeadSize = 16;

std::vector<double> plain_frequencies(double theta) {
    std::vector<double> frequencies;
    for (int i = 0; i < kHeadSize / 2; ++i) {
        frequencies.push_back(1 / std::pow(theta, 2.0 * i / kHeadSize));
    }
    return frequencies;
}

void expect_near(const std::vector<float>& ours, const std::vector<double>& expected) {
    ASSERT_EQ(ours.size(), expected.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
        EXPECT_NEAR(static_cast<double>(ours[i]), expected[i], 1e-7 * expected[i]) << i;
    }
}

TEST(Rotary, DefaultAndLinearFrequencies) {
    expect_near(transformer::rotary_frequencies({.theta = 5e5}, kHeadSize, 1).angles,
                plain_frequencies(5e5));
    auto expected = plain_frequencies(10000);
    for (double& frequency : expected) {
        frequency /= 4;
    }
    expect_near(
        transformer::rotary_frequencies({.type = "linear", .factor = 4}, kHeadSize, 1).angles,
        expected);
}

TEST(Rotary, Llama3Frequencies) {
    const model::RopeParameters rope{.type = "llama3",
                                     .theta = 5e5,
                                     .factor = 8,
                                     .low_freq_factor = 1,
                                     .high_freq_factor = 4,
                                     .original_max_positions = 64};
    auto expected = plain_frequencies(rope.theta);
    int kept = 0;
    int slowed = 0;
    for (double& frequency : expected) {
        const double turns = 64 * frequency / (2 * M_PI);  // in the original context
        if (turns > 4) {
            ++kept;
        } else if (turns < 1) {
            ++slowed;
            frequency /= 8;
        } else {
            const double smooth = (turns - 1) / (4 - 1);
            frequency = (1 - smooth) * frequency / 8 + smooth * frequency;
        }
    }
    // One of each kind, or the test would not show much.
    EXPECT_GT(kept, 0);
    EXPECT_GT(slowed, 0);
    EXPECT_LT(kept + slowed, kHeadSize / 2);
    expect_near(transformer::rotary_frequencies(rope, kHeadSize, 1).angles, expected);
}

TEST(Rotary, TypesItKnows) {
    EXPECT_TRUE(transformer::is_known_rotary("default"));
    EXPECT_TRUE(transformer::is_known_rotary("linear"));
    EXPECT_TRUE(transformer::is_known_rotary("llama3"));
    EXPECT_TRUE(transformer::is_known_rotary("dynamic"));
    EXPECT_TRUE(transformer::is_known_rotary("yarn"));
    EXPECT_TRUE(transformer::is_known_rotary("longrope"));
    EXPECT_FALSE(transformer::is_known_rotary("mrope"));
}

TEST(Rotary, TurnsEachPairOfAHead) {
    constexpr std::int64_t kTokens = 37;
    constexpr std::int64_t kHeads = 3;
    constexpr std::int64_t kHalf = kHeadSize / 2;
    const transformer::RotaryTable table({{}, kHeadSize, false}, kTokens);
    const auto before = random_values(kTokens * kHeads * kHeadSize, 2);
    auto after = before;
    table.apply(after, {0, kTokens}, kHeads);
    const auto frequencies = plain_frequencies(10000);
    for (std::int64_t token = 0; token < kTokens; ++token) {
        for (std::int64_t head = 0; head < kHeads; ++head) {
            for (std::int64_t i = 0; i < kHalf; ++i) {
                const auto first =
                    static_cast<std::size_t>((token * kHeads + head) * kHeadSize + i);
                const auto second = first + kHalf;
                const double angle =
                    static_cast<double>(token) * frequencies[static_cast<std::size_t>(i)];
                const auto x = static_cast<double>(before[first]);
                const auto y = static_cast<double>(before[second]);
                EXPECT_NEAR(static_cast<double>(after[first]),
                            x * std::cos(angle) - y * std::sin(angle), 5e-6);
                EXPECT_NEAR(static_cast<double>(after[second]),
                            x * std::sin(angle) + y * std::cos(angle), 5e-6);
            }
        }
    }
}

}  // namespace
}  // namespace alphaprune::test
