#include "alphaprune/linalg/inverse_factor.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include "support/threads.hpp"
#include "support/world.hpp"

namespace alphaprune::linalg {
namespace {

using test::world;
using Doubles = std::vector<double>;

/// What factor() is given.
struct GivenMatrix {
    std::int64_t order = 0;
    Doubles gram;
    Doubles scale;
    Doubles diagonal;

    std::size_t width() const { return static_cast<std::size_t>(order); }
    double at(std::size_t i, std::size_t j) const {
        return i == j ? diagonal[i] : scale[i] * scale[j] * gram[i * width() + j];
    }
};

/// Of more random vectors than it has rows, whose elements depend on each other and differ in size
/// sixteenfold.
GivenMatrix random_given(std::int64_t order) {
    std::mt19937_64 generator(static_cast<unsigned>(order + 17));
    std::normal_distribution<double> normal;
    GivenMatrix made{order, {}, {}, {}};
    const std::size_t n = made.width();
    made.gram.resize(n * n);
    Doubles vector(n);
    for (std::size_t t = 0; t < 2 * n + 1; ++t) {
        const double common = normal(generator);
        for (std::size_t i = 0; i < n; ++i) {
            const double size = std::exp2(static_cast<double>(i % 5) - 2);
            vector[i] = size * (normal(generator) + 0.7 * common);
        }
        for (std::size_t at = 0; at < n * n; ++at) {
            made.gram[at] += vector[at / n] * vector[at % n];
        }
    }
    for (std::size_t i = 0; i < n; ++i) {
        made.scale.push_back(0.5 + static_cast<double>(i % 3));
        made.diagonal.push_back(made.scale[i] * made.scale[i] * made.gram[i * (n + 1)] + 0.1);
    }
    return made;
}

/// By the book: A⁻¹ by Gauss elimination, and of that the Cholesky factor, by rows.
Doubles factor_by_the_book(const GivenMatrix& given) {
    const std::size_t n = given.width();
    Doubles a(n * n);
    Doubles inverse(n * n);
    for (std::size_t at = 0; at < n * n; ++at) {
        a[at] = given.at(at / n, at % n);
        inverse[at] = at / n == at % n ? 1 : 0;
    }
    for (std::size_t k = 0; k < n; ++k) {
        const double pivot = a[k * (n + 1)];
        for (std::size_t j = 0; j < n; ++j) {
            a[k * n + j] /= pivot;
            inverse[k * n + j] /= pivot;
        }
        for (std::size_t i = 0; i < n; ++i) {
            const double factor = i == k ? 0 : a[i * n + k];
            for (std::size_t j = 0; j < n; ++j) {
                a[i * n + j] -= factor * a[k * n + j];
                inverse[i * n + j] -= factor * inverse[k * n + j];
            }
        }
    }
    Doubles upper(n * n);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = i; j < n; ++j) {
            double sum = inverse[i * n + j];
            for (std::size_t k = 0; k < i; ++k) {
                sum -= upper[k * n + i] * upper[k * n + j];
            }
            upper[i * n + j] = i == j ? std::sqrt(sum) : sum / upper[i * n + i];
        }
    }
    return upper;
}

/// In panels of uneven width, with zeros below the diagonal.
std::vector<float> whole(const InverseFactor& factor) {
    const std::int64_t n = factor.order();
    std::vector<float> values(static_cast<std::size_t>(n * n));
    for (std::int64_t begin = 0, width = 1; begin < n; begin += width, width = 2 * width + 3) {
        width = std::min(width, n - begin);
        const ConstFloatView panel = factor.rows(begin, begin + width);
        EXPECT_EQ(panel.rows, width);
        EXPECT_EQ(panel.cols, n - begin);
        for (std::int64_t i = 0; i < width; ++i) {
            std::copy_n(panel.data + i * panel.stride + i, n - begin - i,
                        values.begin() + (begin + i) * (n + 1));
        }
    }
    return values;
}

std::vector<float> factor_on(const parallel::Communicator& node, const GivenMatrix& given,
                             std::int64_t tile, int threads = 1) {
    InverseFactor factor(node, given.order, tile, *test::threads_of(threads));
    EXPECT_TRUE(factor.factor(given.gram, given.scale, given.diagonal));
    factor.invert();
    const InverseFactor moved(std::move(factor));
    return whole(moved);
}

constexpr std::int64_t kInverseOrders[] = {1, 2, 5, 63, 64, 65, 130};
constexpr std::int64_t kTiles[] = {0, 1, 7, 32, 200};

TEST(InverseFactor, IsThatOfTheInverseByTheBook) {
    const parallel::Communicator node = world().split_by_node();
    for (const std::int64_t order : kInverseOrders) {
        const GivenMatrix given = random_given(order);
        const Doubles expected = factor_by_the_book(given);
        double size = 0;
        for (const double value : expected) {
            size = std::max(size, std::abs(value));
        }
        for (const std::int64_t tile : kTiles) {
            SCOPED_TRACE(std::to_string(order) + " by tiles of " + std::to_string(tile));
            const std::vector<float> found = factor_on(node, given, tile);
            double error = 0;
            for (std::size_t at = 0; at < found.size(); ++at) {
                error = std::max(error, std::abs(found[at] - expected[at]));
            }
            EXPECT_LT(error, 2e-6 * size);
        }
    }
}

TEST(InverseFactor, HasTheSameBitsOnAnyNumberOfRanksAndThreads) {
    const parallel::Communicator node = world().split_by_node();
    const parallel::Communicator pair = world().split(world().rank() / 2, world().rank());
    const parallel::Communicator alone = parallel::Communicator::alone();
    for (const std::int64_t order : {5, 65, 600}) {
        const GivenMatrix given = random_given(order);
        for (const std::int64_t tile : {0, 32}) {
            const std::vector<float> expected = factor_on(alone, given, tile);
            for (const int threads : {1, 2, 3}) {
                EXPECT_EQ(factor_on(node, given, tile, threads), expected) << order;
            }
            EXPECT_EQ(factor_on(pair, given, tile), expected) << order;
        }
    }
}

TEST(InverseFactor, OfAnIndefiniteMatrixFailsAndCanBeTriedAgain) {
    const parallel::Communicator node = world().split_by_node();
    for (const std::int64_t order : kInverseOrders) {
        const GivenMatrix good = random_given(order);
        InverseFactor factor(node, order);
        for (const std::int64_t place : {std::int64_t{0}, order / 2, order - 1}) {
            for (const double wrong :
                 {-1.0, 0.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
                Doubles diagonal = good.diagonal;
                diagonal[static_cast<std::size_t>(place)] = wrong;
                EXPECT_FALSE(factor.factor(good.gram, good.scale, diagonal))
                    << order << " " << place << " " << wrong;
            }
        }
        ASSERT_TRUE(factor.factor(good.gram, good.scale, good.diagonal));
        ASSERT_TRUE(factor.factor(good.gram, good.scale, good.diagonal));
        factor.invert();
        EXPECT_EQ(whole(factor), factor_on(node, good, 0));
    }
}

}  // namespace
}  // namespace alphaprune::linalg
