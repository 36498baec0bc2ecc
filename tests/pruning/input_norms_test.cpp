#include "alphaprune/pruning/input_norms.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>
#include <vector>

#include "support/world.hpp"

namespace alphaprune::pruning {
namespace {

using test::world;

constexpr std::int64_t kCols = 53;

/// Any sequence can be made on any rank; the third is one token long.
struct Sequence {
    std::int64_t tokens;
    std::vector<float> values;
};
Sequence sequence(std::int64_t number) {
    std::mt19937_64 generator(static_cast<unsigned>(number));
    std::normal_distribution<float> normal(0, 1);
    Sequence made{number == 2 ? 1 : 10 + number % 5, {}};
    for (std::int64_t i = 0; i < made.tokens * kCols; ++i) {
        made.values.push_back(normal(generator) * std::exp(static_cast<float>(i % kCols) * 0.1F));
    }
    return made;
}

/// Each rank brings the sequences that `owner` gives it.
std::vector<float> norms_with(std::int64_t sequences,
                              const std::function<std::int64_t(std::int64_t)>& owner) {
    InputNorms norms(kCols, test::lone_team());
    for (std::int64_t number = 0; number < sequences; ++number) {
        if (owner(number) == world().rank()) {
            const Sequence mine = sequence(number);
            norms.add_sequence({number, mine.tokens, mine.values, {}, {}, {}});
        }
    }
    return norms.norms(world(), sequences, "");
}

TEST(InputNorms, AreTheSameBitsHoweverTheSequencesAreSharedOut) {
    const std::int64_t ranks = world().size();
    for (const std::int64_t sequences : {1, 2, 3, 17}) {
        // What one process without any others gets: the published running mean, in float32.
        std::vector<float> expected(kCols, 0.0F);
        for (std::int64_t n = 0; n < sequences; ++n) {
            const Sequence one = sequence(n);
            for (std::size_t col = 0; col < expected.size(); ++col) {
                double sum = 0;
                for (std::int64_t token = 0; token < one.tokens; ++token) {
                    const double value = one.values[static_cast<std::size_t>(token * kCols) + col];
                    sum += value * value;
                }
                expected[col] *= static_cast<float>(n) / static_cast<float>(n + 1);
                expected[col] += static_cast<float>(sum) / static_cast<float>(n + 1);
            }
        }
        for (float& value : expected) {
            value = std::sqrt(value);
        }
        EXPECT_EQ(norms_with(sequences, [](auto) { return 0; }), expected);
        EXPECT_EQ(norms_with(sequences, [&](auto) { return ranks - 1; }), expected);
        EXPECT_EQ(norms_with(sequences, [&](auto n) { return n % ranks; }), expected);
        EXPECT_EQ(norms_with(sequences, [&](auto n) { return n * ranks / sequences; }), expected);
    }
}

TEST(InputNorms, AreTheRootOfTheMeanSumOfSquares) {
    constexpr std::int64_t kSequences = 9;
    const auto norms = norms_with(kSequences, [](auto n) { return n % world().size(); });
    ASSERT_EQ(norms.size(), static_cast<std::size_t>(kCols));
    for (std::size_t col = 0; col < norms.size(); ++col) {
        double sum = 0;
        for (std::int64_t n = 0; n < kSequences; ++n) {
            const Sequence one = sequence(n);
            for (std::size_t at = col; at < one.values.size(); at += kCols) {
                sum += double{one.values[at]} * double{one.values[at]};
            }
        }
        EXPECT_NEAR(norms[col], std::sqrt(sum / kSequences), 1e-6 * norms[col]);
    }
}

TEST(InputNorms, OfAnInputThatIsZeroThroughoutIsZero) {
    InputNorms norms(2, test::lone_team());
    if (world().is_root()) {
        const std::vector<float> input{0, 3, 0, 4};
        norms.add_sequence({0, 2, input, {}, {}, {}});
    }
    EXPECT_EQ(norms.norms(world(), 1, ""), (std::vector<float>{0, 5}));
}

TEST(InputNorms, AreTheSameFromSumsOfSquares) {
    InputNorms norms(2, test::lone_team());
    if (world().is_root()) {
        const std::vector<float> squares{0, 25};
        norms.add_sequence({0, 2, {}, {}, {}, squares});
    }
    EXPECT_EQ(norms.norms(world(), 1, ""), (std::vector<float>{0, 5}));
}

}  // namespace
}  // namespace alphaprune::pruning
