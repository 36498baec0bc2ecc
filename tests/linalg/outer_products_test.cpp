#include "alphaprune/linalg/outer_products.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <string>

#include "distributed_products.hpp"
#include "node_products.hpp"
#include "support/world.hpp"

namespace alphaprune::linalg {
namespace {

using test::world;

/// Where the matrix lies: on each rank, block-cyclic over the ranks, once on the node, or once on
/// each of several, as which every two ranks are taken.
enum class Place { rank, grid, node, nodes };
constexpr std::array kPlaces{Place::rank, Place::grid, Place::node, Place::nodes};

std::unique_ptr<OuterProducts> products_on(Place place, std::int64_t order) {
    if (place == Place::node) {
        return make_node_products(world(), world().split_by_node(), order);
    }
    if (place == Place::nodes) {
        return make_node_products(world(), world().split(world().rank() / 2, world().rank()),
                                  order);
    }
    return make_outer_products(world(), order, place == Place::rank ? order : 0);
}

/// Vectors whose values depend on each other somewhat, so that the inverse is not nearly diagonal.
std::vector<float> random_vectors(std::int64_t count, std::int64_t order) {
    std::mt19937_64 generator(static_cast<unsigned>(count * 1000 + order));
    std::normal_distribution<float> normal;
    std::vector<float> values;
    for (std::int64_t v = 0; v < count; ++v) {
        const float common = normal(generator);
        for (std::int64_t i = 0; i < order; ++i) {
            values.push_back(normal(generator) + 0.7F * common);
        }
    }
    return values;
}

/// Σ x xᵀ in float64, row-major.
std::vector<double> product_of(const std::vector<float>& vectors, std::int64_t order) {
    std::vector<double> sum(static_cast<std::size_t>(order * order), 0.0);
    for (std::size_t at = 0; at < vectors.size(); at += static_cast<std::size_t>(order)) {
        for (std::size_t i = 0; i < static_cast<std::size_t>(order); ++i) {
            for (std::size_t j = 0; j < static_cast<std::size_t>(order); ++j) {
                sum[i * static_cast<std::size_t>(order) + j] +=
                    double{vectors[at + i]} * double{vectors[at + j]};
            }
        }
    }
    return sum;
}

/// Brings the vectors in three calls, dealt out unevenly: some ranks have none in some of them.
void add_everywhere(OuterProducts& products, const std::vector<float>& vectors,
                    std::int64_t order) {
    const auto count = static_cast<std::int64_t>(vectors.size()) / order;
    std::mt19937_64 generator(7);  // the same on every rank
    for (int call = 0; call < 3; ++call) {
        std::vector<float> mine;
        std::int64_t number = 0;
        for (std::int64_t v = call; v < count; v += 3) {
            const auto owner = generator() % static_cast<unsigned>(world().size() + 1) / 2;
            if (static_cast<int>(owner) == world().rank()) {
                mine.insert(mine.end(), vectors.begin() + v * order,
                            vectors.begin() + (v + 1) * order);
                ++number;
            }
        }
        products.add(mine, number);
    }
}

struct Case {
    std::int64_t order;
    std::int64_t count;
    Place place = Place::rank;
};

/// The whole factor, gathered in panels of uneven width.
std::vector<float> whole_factor(const OuterProducts& products, std::int64_t order) {
    std::vector<float> factor(static_cast<std::size_t>(order * order), 0.0F);
    for (std::int64_t begin = 0, width = 1; begin < order; begin += width, width = 2 * width + 3) {
        width = std::min(width, order - begin);
        const auto rows = products.factor_rows(begin, begin + width);
        EXPECT_EQ(rows.size(), static_cast<std::size_t>(width * (order - begin)));
        for (std::int64_t i = 0; i < width; ++i) {
            std::copy_n(rows.begin() + i * (order - begin), order - begin,
                        factor.begin() + (begin + i) * order + begin);
        }
    }
    return factor;
}

/// Largest element of UᵀU·H − I.
double distance_from_inverse(const std::vector<float>& factor, const std::vector<double>& h,
                             std::int64_t order) {
    const auto n = static_cast<std::size_t>(order);
    std::vector<double> inverse(n * n, 0.0);
    for (std::size_t k = 0; k < n; ++k) {
        for (std::size_t i = k; i < n; ++i) {
            for (std::size_t j = k; j < n; ++j) {
                inverse[i * n + j] += double{factor[k * n + i]} * double{factor[k * n + j]};
            }
        }
    }
    double largest = 0;
    for (std::size_t i = 0; i < n; ++i) {
        std::vector<double> row(n, 0.0);
        for (std::size_t k = 0; k < n; ++k) {
            for (std::size_t j = 0; j < n; ++j) {
                row[j] += inverse[i * n + k] * h[k * n + j];
            }
        }
        row[i] -= 1;
        for (const double value : row) {
            largest = std::max(largest, std::abs(value));
        }
    }
    return largest;
}

class Products : public testing::TestWithParam<Case> {};

TEST_P(Products, SumTheVectorsOfAllRanksAndFactorTheInverse) {
    const auto [order, count, place] = GetParam();
    const auto n = static_cast<std::size_t>(order);
    const std::vector<float> vectors = random_vectors(count, order);
    std::vector<double> expected = product_of(vectors, order);
    const auto products = products_on(place, order);
    add_everywhere(*products, vectors, order);
    std::vector<float> diagonal = products->finish(0.25F);
    ASSERT_EQ(diagonal.size(), n);
    for (double& value : expected) {
        value *= 0.25;
    }
    for (std::size_t i = 0; i < n; ++i) {
        EXPECT_NEAR(diagonal[i], expected[i * n + i], 1e-5 * expected[i * n + i]);
        diagonal[i] += 1.0F;
        expected[i * n + i] += 1.0;
    }
    ASSERT_TRUE(products->factor_inverse(diagonal));
    const std::vector<float> factor = whole_factor(*products, order);
    for (std::size_t i = 0; i < n; ++i) {
        EXPECT_GT(factor[i * n + i], 0);
        for (std::size_t j = 0; j < i; ++j) {
            EXPECT_EQ(factor[i * n + j], 0);
        }
    }
    EXPECT_LT(distance_from_inverse(factor, expected, order), 2e-3);
}

TEST_P(Products, OfAnIndefiniteMatrixFailOnAllRanksAndCanBeTriedAgain) {
    const std::int64_t order = GetParam().order;
    const Place place = GetParam().place;
    const std::vector<float> vectors = random_vectors(GetParam().count, order);
    const auto fresh = [&] {
        auto products = products_on(place, order);
        add_everywhere(*products, vectors, order);
        return products;
    };
    const auto products = fresh();
    std::vector<float> good = products->finish(1.0F);
    for (float& value : good) {
        value += 5.0F;
    }
    std::vector<float> negative = good;
    negative.back() = -1.0F;
    EXPECT_FALSE(products->factor_inverse(negative));
    std::vector<float> undefined = good;
    undefined[good.size() / 2] = std::nanf("");
    EXPECT_FALSE(products->factor_inverse(undefined));
    EXPECT_TRUE(products->factor_inverse(good));
    const auto at_once = fresh();
    at_once->finish(1.0F);
    EXPECT_TRUE(at_once->factor_inverse(good));
    EXPECT_EQ(whole_factor(*products, order), whole_factor(*at_once, order));  // bit for bit
}

std::vector<Case> cases() {
    std::vector<Case> all;
    for (const Place place : kPlaces) {
        for (Case sums : {Case{1, 3}, {5, 20}, {37, 90}, {200, 450}}) {
            sums.place = place;
            all.push_back(sums);
        }
    }
    return all;
}

std::string name_of_case(const testing::TestParamInfo<Case>& info) {
    constexpr std::array kNames{"rank", "grid", "node", "nodes"};
    return std::to_string(info.param.order) + kNames.at(static_cast<std::size_t>(info.param.place));
}

INSTANTIATE_TEST_SUITE_P(Orders, Products, testing::ValuesIn(cases()), name_of_case);

TEST(OuterProducts, ManyVectorsOnOneRankGoInSeveralRounds) {
    const std::int64_t order = 6;
    const std::int64_t count = 2 * 2048 + 5;
    const std::vector<float> vectors = random_vectors(count, order);
    const auto products = products_on(Place::grid, order);
    const bool last = world().rank() == world().size() - 1;
    products->add(last ? std::span(vectors) : std::span<const float>{}, last ? count : 0);
    const auto diagonal = products->finish(1.0F);
    const auto expected = product_of(vectors, order);
    for (std::size_t i = 0; i < 6; ++i) {
        EXPECT_NEAR(diagonal[i], expected[i * 7], 1e-5 * expected[i * 7]);
    }
}

TEST(OuterProducts, WithoutVectorsAreZero) {
    for (const Place place : kPlaces) {
        const auto products = products_on(place, 11);
        products->add({}, 0);
        EXPECT_EQ(products->finish(2.0F), std::vector<float>(11, 0.0F));
        EXPECT_FALSE(products->factor_inverse(std::vector<float>(11, 0.0F)));
        EXPECT_TRUE(products->factor_inverse(std::vector<float>(11, 4.0F)));
        const auto row = products->factor_rows(3, 4);
        EXPECT_FLOAT_EQ(row[0], 0.5F);
        EXPECT_EQ(std::ranges::count(row, 0.0F), 7);
    }
}

TEST(OuterProducts, SpreadMatricesNeedLessMemoryThanLocalOnes) {
    constexpr std::int64_t kOrder = 28672;
    EXPECT_NEAR(static_cast<double>(outer_products_memory(1, 1, kOrder, 8192)),
                8.0 * kOrder * kOrder, 0.02 * 8.0 * kOrder * kOrder);
    EXPECT_LT(outer_products_memory(64, 8, kOrder, 8192),
              outer_products_memory(1, 1, kOrder, 8192) / 16);
}

TEST(RowExchange, DealsEachValueToItsPlace) {
    const std::int64_t order = 23;
    const GridShape shape = near_square_grid(world().size(), order);
    const BlacsGrid grid(world(), shape);
    const CyclicDimension rows = grid.over_rows(order, 4);
    const std::int64_t count = world().rank() == 0 ? 0 : 2 * world().rank() + 1;
    const std::int64_t before = world().sum_before(count);
    std::vector<float> mine;
    for (std::int64_t v = 0; v < count; ++v) {
        for (std::int64_t i = 0; i < order; ++i) {
            mine.push_back(static_cast<float>(1000 * (before + v) + i));
        }
    }
    const DistributedVectors spread = distribute_vectors(world(), grid, rows, mine, count);
    const std::int64_t total = world().sum(count);
    EXPECT_EQ(spread.layout.cols.size, total);
    const std::int64_t height = spread.layout.rows.local_size();
    const std::int64_t width = grid.member() ? spread.layout.cols.local_size() : 0;
    ASSERT_EQ(static_cast<std::int64_t>(spread.local.size()), height * width);
    for (std::int64_t j = 0; j < width; ++j) {
        for (std::int64_t i = 0; i < height; ++i) {
            EXPECT_EQ(spread.local[static_cast<std::size_t>(j * height + i)],
                      static_cast<float>(1000 * spread.layout.cols.global_of(j) +
                                         spread.layout.rows.global_of(i)));
        }
    }
}

}  // namespace
}  // namespace alphaprune::linalg
