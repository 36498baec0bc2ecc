#include "alphaprune/linalg/joint_products.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <span>
#include <vector>

#include "alphaprune/parallel/share.hpp"
#include "support/world.hpp"

namespace alphaprune::linalg {
namespace {

using test::world;

constexpr std::int64_t kWidth = 150;  // more than a tile, and no multiple
constexpr std::int64_t kOther = 37;
constexpr std::int64_t kFew = 5;
constexpr std::int64_t kTokens = 530;  // more than a piece
constexpr std::int64_t kSequences = 7;

/// Zero in the first sequences, as elements after a ReLU may be.
bool is_rare(std::int64_t element) {
    return element % 25 == 4;
}

/// tokens × size: elements of very different sizes, some rare; and sequences that differ so much
/// that float64 alone would not add their products without rounding.
std::vector<float> vectors_of(std::int64_t sequence, std::int64_t size) {
    constexpr int kPowers[kSequences] = {0, -9, 4, -13, 2, 5, -11};
    std::mt19937_64 generator(static_cast<unsigned>(sequence * 1000 + size));
    std::normal_distribution<float> normal;
    std::vector<float> values;
    for (std::int64_t t = 0; t < kTokens; ++t) {
        for (std::int64_t i = 0; i < size; ++i) {
            const int power = static_cast<int>(i % 12) - 6 + kPowers[sequence];
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
Sums sums_on(const parallel::Communicator& group, const parallel::NodeMap& nodes) {
    const std::vector<std::int64_t> companions{kOther, kFew};
    JointProducts products(group, nodes, kWidth, companions);
    const auto own = parallel::share_of(kSequences, group.size(), group.rank());
    const std::int64_t rounds = parallel::share_of(kSequences, group.size(), 0).size();
    for (std::int64_t round = 0; round < rounds; ++round) {
        const bool has_one = round < own.size();
        const auto x = has_one ? vectors_of(own.begin + round, kWidth) : std::vector<float>();
        const auto y = has_one ? vectors_of(own.begin + round, kOther) : std::vector<float>();
        const auto z = has_one ? vectors_of(own.begin + round, kFew) : std::vector<float>();
        const std::vector<std::span<const float>> vectors{x, y, z};
        products.add(vectors, has_one ? kTokens : 0);
    }
    products.finish();
    const auto copy = [](std::span<const double> values) {
        return std::vector<double>(values.begin(), values.end());
    };
    return {copy(products.gram()), copy(products.cross(0)), copy(products.cross(1))};
}

void expect_products(std::span<const double> sums, std::int64_t left) {
    std::vector<double> exact(static_cast<std::size_t>(left * kWidth));
    std::vector<double> size(exact.size());
    for (std::int64_t s = 0; s < kSequences; ++s) {
        const auto y = vectors_of(s, left);
        const auto x = vectors_of(s, kWidth);
        for (std::int64_t t = 0; t < kTokens; ++t) {
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
    for (std::size_t at = 0; at < exact.size(); ++at) {
        ASSERT_NEAR(sums[at], exact[at], 2e-6 * size[at] + 1e-12) << at;
    }
}

TEST(JointProducts, AreTheSumsOfProducts) {
    const Sums sums = sums_on(world(), parallel::NodeMap(world()));
    expect_products(sums.gram, kWidth);
    expect_products(sums.cross, kOther);
    expect_products(sums.few, kFew);
    for (std::size_t at = 0; at < sums.gram.size(); ++at) {
        ASSERT_EQ(sums.gram[at], sums.gram[at % kWidth * kWidth + at / kWidth]) << "symmetric";
    }
}

TEST(JointProducts, HaveTheSameBitsOnAnyNumberOfRanksAndNodes) {
    const parallel::Communicator alone = parallel::Communicator::alone();
    const Sums expected = sums_on(alone, parallel::NodeMap(alone, parallel::Communicator::alone()));
    EXPECT_TRUE(sums_on(world(), parallel::NodeMap(world())) == expected);
    for (const int ranks_of_node : {2, 1}) {
        const parallel::NodeMap nodes(
            world(), world().split(world().rank() / ranks_of_node, world().rank()));
        EXPECT_TRUE(sums_on(world(), nodes) == expected);
    }
}

}  // namespace
}  // namespace alphaprune::linalg
