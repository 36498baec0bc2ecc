#include "alphaprune/linalg/joint_products.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <span>
#include <vector>

#include "alphaprune/linalg/node_cholesky.hpp"
#include "alphaprune/parallel/share.hpp"
#include "support/world.hpp"

namespace alphaprune::linalg {
namespace {

using test::world;

constexpr std::int64_t kOrder = 150;  // more than a tile, and no multiple
constexpr std::int64_t kOther = 37;
constexpr std::int64_t kTokens = 530;  // more than a piece
constexpr std::int64_t kSequences = 7;

/// tokens × size, elements of very different sizes, some rare.
std::vector<float> vectors_of(std::int64_t sequence, std::int64_t size) {
    std::mt19937_64 generator(static_cast<unsigned>(sequence * 1000 + size));
    std::normal_distribution<float> normal;
    std::vector<float> values;
    for (std::int64_t t = 0; t < kTokens; ++t) {
        for (std::int64_t i = 0; i < size; ++i) {
            const bool rare = i % 50 == 49;
            const float scale = std::exp2(static_cast<float>(i % 12 - 6));
            values.push_back(rare && sequence != 3 ? 0.0F : scale * normal(generator));
        }
    }
    return values;
}

struct Sums {
    std::vector<double> gram;
    std::vector<double> cross;
};

/// Of all sequences, which the ranks of the group share out.
Sums sums_on(const parallel::Communicator& group, const parallel::NodeMap& nodes) {
    const std::vector<std::int64_t> companions{kOther};
    JointProducts products(group, nodes, kOrder, companions);
    const auto own = parallel::share_of(kSequences, group.size(), group.rank());
    const std::int64_t rounds = parallel::share_of(kSequences, group.size(), 0).size();
    for (std::int64_t round = 0; round < rounds; ++round) {
        const bool has_one = round < own.size();
        const auto x = has_one ? vectors_of(own.begin + round, kOrder) : std::vector<float>();
        const auto y = has_one ? vectors_of(own.begin + round, kOther) : std::vector<float>();
        const std::vector<std::span<const float>> vectors{x, y};
        products.add(vectors, has_one ? kTokens : 0);
    }
    products.finish();
    const auto copy = [](std::span<const double> values) {
        return std::vector<double>(values.begin(), values.end());
    };
    return {copy(products.gram()), copy(products.cross(0))};
}

void expect_products(std::span<const double> sums, std::int64_t left) {
    std::vector<double> exact(static_cast<std::size_t>(left * kOrder));
    std::vector<double> size(exact.size());
    for (std::int64_t s = 0; s < kSequences; ++s) {
        const auto y = vectors_of(s, left);
        const auto x = vectors_of(s, kOrder);
        for (std::int64_t t = 0; t < kTokens; ++t) {
            for (std::int64_t i = 0; i < left; ++i) {
                for (std::int64_t j = 0; j < kOrder; ++j) {
                    const auto at = static_cast<std::size_t>(i * kOrder + j);
                    const double product = double{y[static_cast<std::size_t>(t * left + i)]} *
                                           double{x[static_cast<std::size_t>(t * kOrder + j)]};
                    exact[at] += product;
                    size[at] += std::abs(product);
                }
            }
        }
    }
    for (std::size_t at = 0; at < exact.size(); ++at) {
        ASSERT_NEAR(sums[at], exact[at], 2e-6 * size[at] + 1e-12) << at;
    }
}

TEST(JointProducts, AreTheSumsOfProducts) {
    const Sums sums = sums_on(world(), parallel::NodeMap(world()));
    expect_products(sums.gram, kOrder);
    expect_products(sums.cross, kOther);
}

TEST(JointProducts, HaveTheSameBitsOnAnyNumberOfRanksAndNodes) {
    const parallel::Communicator alone = parallel::Communicator::alone();
    const Sums expected = sums_on(alone, parallel::NodeMap(alone, parallel::Communicator::alone()));
    const Sums shared = sums_on(world(), parallel::NodeMap(world()));
    EXPECT_EQ(shared.gram, expected.gram);
    EXPECT_EQ(shared.cross, expected.cross);
    // Every two ranks as a node.
    const Sums spread = sums_on(
        world(), parallel::NodeMap(world(), world().split(world().rank() / 2, world().rank())));
    EXPECT_EQ(spread.gram, expected.gram);
    EXPECT_EQ(spread.cross, expected.cross);
}

TEST(NodeCholesky, SolvesWithTheScaledMatrix) {
    const parallel::Communicator node = world().split_by_node();
    const Sums sums = sums_on(world(), parallel::NodeMap(world()));
    std::vector<double> scale;
    std::vector<double> diagonal;
    for (std::int64_t i = 0; i < kOrder; ++i) {
        const double own = sums.gram[static_cast<std::size_t>(i * (kOrder + 1))];
        scale.push_back(1 / std::sqrt(own));
        diagonal.push_back(1.5);
    }
    NodeCholesky cholesky(node, kOrder);
    ASSERT_TRUE(cholesky.factor(sums.gram, scale, diagonal));
    const std::vector<float> wanted = vectors_of(1, kOrder);
    std::vector<float> rows;
    constexpr std::int64_t kRows = 3;
    for (std::int64_t r = 0; r < kRows; ++r) {  // wanted · A
        for (std::int64_t j = 0; j < kOrder; ++j) {
            double sum = 0;
            for (std::int64_t i = 0; i < kOrder; ++i) {
                const auto a = static_cast<std::size_t>(i);
                const auto b = static_cast<std::size_t>(j);
                const double element =
                    i == j ? diagonal[a]
                           : scale[a] * scale[b] *
                                 sums.gram[static_cast<std::size_t>(i * kOrder + j)];
                sum += element * wanted[static_cast<std::size_t>(r * kOrder + i)];
            }
            rows.push_back(static_cast<float>(sum));
        }
    }
    cholesky.solve(rows);
    const float largest = *std::ranges::max_element(wanted);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        EXPECT_NEAR(rows[i], wanted[i], 1e-4F * largest) << i;
    }
}

TEST(NodeCholesky, RefusesWhatIsNotPositiveDefinite) {
    const parallel::Communicator node = world().split_by_node();
    const std::vector<double> zero(static_cast<std::size_t>(kOrder * kOrder));
    const std::vector<double> ones(kOrder, 1.0);
    std::vector<double> diagonal(kOrder, 1.0);
    NodeCholesky cholesky(node, kOrder);
    EXPECT_TRUE(cholesky.factor(zero, ones, diagonal));
    diagonal[140] = -1;
    EXPECT_FALSE(cholesky.factor(zero, ones, diagonal));
    diagonal[140] = std::nan("");
    EXPECT_FALSE(cholesky.factor(zero, ones, diagonal));
    diagonal[140] = 1;
    EXPECT_TRUE(cholesky.factor(zero, ones, diagonal)) << "one failure says nothing of the next";
}

}  // namespace
}  // namespace alphaprune::linalg
