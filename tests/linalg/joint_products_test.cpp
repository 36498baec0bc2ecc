#include "alphaprune/linalg/joint_products.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <random>
#include <span>
#include <vector>

#include "alphaprune/parallel/share.hpp"
#include "support/threads.hpp"
#include "support/world.hpp"

namespace alphaprune::linalg {
namespace {

using test::world;

constexpr std::int64_t kWidth = 150;  // more than a tile, and no multiple
constexpr std::int64_t kOther = 37;
constexpr std::int64_t kFew = 5;
constexpr std::int64_t kPiece = 512;   // is multiplied at a time
constexpr std::int64_t kTokens = 530;  // more than that
constexpr std::int64_t kSequences = 7;

/// Zero in the first sequences, as elements after a ReLU may be.
bool is_rare(std::int64_t element) {
    return element % 25 == 4;
}

/// Vectors of each sequence, and the power of two that is their size: sequences that differ so much
/// that float64 alone would not add their products without rounding.
struct Example {
    std::int64_t tokens[kSequences];
    int powers[kSequences];
};

constexpr Example kMany{{kTokens, kTokens, kTokens, kTokens, kTokens, kTokens, kTokens},
                        {0, -9, 4, -13, 2, 5, -11}};
/// As the inputs of an expert may come, far from 1 in size: none at first, then one.
constexpr Example kFewOnly{{0, 0, 0, 1, kTokens, 3, 40}, {0, 0, 0, -43, -40, -46, -49}};
constexpr Example kLast{{0, 0, 0, 0, 0, 0, 2}, {0, 0, 0, 0, 0, 0, 31}};

/// tokens × size: elements of very different sizes, some rare.
std::vector<float> vectors_of(const Example& example, std::int64_t sequence, std::int64_t size) {
    std::mt19937_64 generator(static_cast<unsigned>(sequence * 1000 + size));
    std::normal_distribution<float> normal;
    std::vector<float> values;
    for (std::int64_t t = 0; t < example.tokens[sequence]; ++t) {
        for (std::int64_t i = 0; i < size; ++i) {
            const int power = static_cast<int>(i % 12) - 6 + example.powers[sequence];
            values.push_back(is_rare(i) && sequence < 2 ? 0.0F
                                                        : std::ldexp(normal(generator), power));
        }
    }
    return values;
}

struct Sums {
    std::vector<double> gram;
    std::vector<double> cross;
    std::vector<double> few;

    friend bool operator==(const Sums&, const Sums&) = default;
};

/// Of all sequences, which the ranks of the group share out.
Sums sums_on(const Example& example, const parallel::Communicator& group,
             const parallel::NodeMap& nodes) {
    const std::vector<std::int64_t> companions{kOther, kFew};
    JointProducts products(group, nodes, kWidth, companions);
    const auto own = parallel::share_of(kSequences, group.size(), group.rank());
    const std::int64_t rounds = parallel::share_of(kSequences, group.size(), 0).size();
    for (std::int64_t round = 0; round < rounds; ++round) {
        const bool has_one = round < own.size();
        const auto x =
            has_one ? vectors_of(example, own.begin + round, kWidth) : std::vector<float>();
        const auto y =
            has_one ? vectors_of(example, own.begin + round, kOther) : std::vector<float>();
        const auto z =
            has_one ? vectors_of(example, own.begin + round, kFew) : std::vector<float>();
        const std::vector<std::span<const float>> vectors{x, y, z};
        products.add(vectors, has_one ? example.tokens[own.begin + round] : 0);
    }
    products.finish();
    const auto copy = [](std::span<const double> values) {
        return std::vector<double>(values.begin(), values.end());
    };
    return {copy(products.gram()), copy(products.cross(0)), copy(products.cross(1))};
}

void expect_products(const Example& example, std::span<const double> sums, std::int64_t left) {
    std::vector<double> exact(static_cast<std::size_t>(left * kWidth));
    std::vector<double> size(exact.size());
    for (std::int64_t s = 0; s < kSequences; ++s) {
        const auto y = vectors_of(example, s, left);
        const auto x = vectors_of(example, s, kWidth);
        for (std::int64_t t = 0; t < example.tokens[s]; ++t) {
            for (std::int64_t i = 0; i < left; ++i) {
                for (std::int64_t j = 0; j < kWidth; ++j) {
                    const auto at = static_cast<std::size_t>(i * kWidth + j);
                    const double product = double{y[static_cast<std::size_t>(t * left + i)]} *
                                           double{x[static_cast<std::size_t>(t * kWidth + j)]};
                    exact[at] += product;
                    size[at] += std::abs(product);
                }
            }
        }
    }
    // After a first piece of few vectors, they are rounded as if all elements were typical ones.
    const double mean =
        std::accumulate(size.begin(), size.end(), 0.0) / static_cast<double>(size.size());
    const double rounding = example.tokens[0] < kPiece ? std::ldexp(mean, -24) : 0;
    for (std::size_t at = 0; at < exact.size(); ++at) {
        ASSERT_NEAR(sums[at], exact[at], 2e-6 * size[at] + rounding) << at;
    }
}

void expect_sums(const Example& example) {
    const Sums sums = sums_on(example, world(), parallel::NodeMap(world()));
    expect_products(example, sums.gram, kWidth);
    expect_products(example, sums.cross, kOther);
    expect_products(example, sums.few, kFew);
    for (std::size_t at = 0; at < sums.gram.size(); ++at) {
        ASSERT_EQ(sums.gram[at], sums.gram[at % kWidth * kWidth + at / kWidth]) << "symmetric";
    }
}

TEST(JointProducts, AreTheSumsOfProducts) {
    expect_sums(kMany);
}

TEST(JointProducts, AreTheSumsWhereTheFirstSequencesBringNothing) {
    expect_sums(kFewOnly);
    expect_sums(kLast);
}

TEST(JointProducts, HaveTheSameBitsOnAnyNumberOfRanksNodesAndThreads) {
    const parallel::Communicator alone = parallel::Communicator::alone();
    for (const Example& example : {kMany, kFewOnly, kLast}) {
        const Sums expected =
            sums_on(example, alone, parallel::NodeMap(alone, parallel::Communicator::alone()));
        for (const int threads : {1, 2, 3}) {
            EXPECT_TRUE(sums_on(example, world(),
                                parallel::NodeMap(world(), test::threads_of(threads))) == expected);
        }
        for (const int ranks_of_node : {2, 1}) {
            const parallel::NodeMap nodes(
                world(), world().split(world().rank() / ranks_of_node, world().rank()));
            EXPECT_TRUE(sums_on(example, world(), nodes) == expected);
        }
    }
}

TEST(JointProducts, AreBlendedAndDamped) {
    constexpr Example kOnce{{3, 0, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0}};
    const std::vector<std::int64_t> companions{kFew};
    const parallel::NodeMap nodes(world(), test::threads_of(2));
    const auto sums_of = [&](const Example& example, std::int64_t sequence) {
        auto products = std::make_unique<JointProducts>(world(), nodes, kWidth, companions);
        const bool has_some = world().is_root();
        const auto x = has_some ? vectors_of(example, sequence, kWidth) : std::vector<float>();
        const auto y = has_some ? vectors_of(example, sequence, kFew) : std::vector<float>();
        const std::vector<std::span<const float>> vectors{x, y};
        products->add(vectors, has_some ? example.tokens[sequence] : 0);
        products->finish();
        return products;
    };
    const auto few = sums_of(kOnce, 0);
    const std::vector<double> gram(few->gram().begin(), few->gram().end());
    const std::vector<double> cross(few->cross(0).begin(), few->cross(0).end());
    const auto all = sums_of(kMany, 2);
    few->blend(*all, 0.25);
    few->add_to_diagonal(3);
    for (std::size_t at = 0; at < gram.size(); ++at) {
        const double more = at % (kWidth + 1) == 0 ? 3 : 0;
        ASSERT_EQ(few->gram()[at], gram[at] + 0.25 * all->gram()[at] + more) << at;
    }
    for (std::size_t at = 0; at < cross.size(); ++at) {
        ASSERT_EQ(few->cross(0)[at], cross[at] + 0.25 * all->cross(0)[at]) << at;
    }
}

}  // namespace
}  // namespace alphaprune::linalg
