#include "alphaprune/linalg/node_cholesky.hpp"

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

/// What factor() is given; the matrix has `diagonal` instead of that of scale·gram·scale.
struct Scaled {
    std::int64_t order = 0;
    std::vector<double> gram;
    std::vector<double> scale;
    std::vector<double> diagonal;

    std::size_t width() const { return static_cast<std::size_t>(order); }
    double at(std::size_t i, std::size_t j) const {
        return i == j ? diagonal[i] : scale[i] * scale[j] * gram[i * width() + j];
    }
    bool factor_with(NodeCholesky& cholesky) const {
        return cholesky.factor(gram, scale, diagonal);
    }
};

/// Of more random vectors than it has rows, whose elements differ in size a thousandfold; its
/// scaled diagonal is 1 + shift.
Scaled random_gram(std::int64_t order, double shift) {
    std::mt19937_64 generator(static_cast<unsigned>(order));
    std::normal_distribution<double> normal;
    Scaled made{order, {}, {}, std::vector<double>(static_cast<std::size_t>(order), 1 + shift)};
    const std::size_t n = made.width();
    made.gram.resize(n * n);
    std::vector<double> vector(n);
    for (std::size_t t = 0; t < 2 * n + 1; ++t) {
        for (std::size_t i = 0; i < n; ++i) {
            const double size = std::exp2(static_cast<double>(i % 11) - 5);
            vector[i] = size * (normal(generator) + (t % 3 == 0 ? 1 : 0));
        }
        for (std::size_t at = 0; at < n * n; ++at) {
            made.gram[at] += vector[at / n] * vector[at % n];
        }
    }
    for (std::size_t i = 0; i < n; ++i) {
        made.scale.push_back(1 / std::sqrt(made.gram[i * n + i]));
    }
    return made;
}

/// x with x·A = row, by Gauss elimination.
std::vector<double> solved_exactly(const Scaled& given, std::span<const float> row) {
    const std::size_t n = given.width();
    std::vector<double> a(n * n);
    for (std::size_t at = 0; at < n * n; ++at) {
        a[at] = given.at(at / n, at % n);
    }
    std::vector<double> x(row.begin(), row.end());
    for (std::size_t k = 0; k < n; ++k) {
        for (std::size_t i = k + 1; i < n; ++i) {
            const double factor = a[i * n + k] / a[k * n + k];
            for (std::size_t j = k; j < n; ++j) {
                a[i * n + j] -= factor * a[k * n + j];
            }
            x[i] -= factor * x[k];
        }
    }
    for (std::size_t k = n; k-- > 0;) {
        for (std::size_t j = k + 1; j < n; ++j) {
            x[k] -= a[k * n + j] * x[j];
        }
        x[k] /= a[k * n + k];
    }
    return x;
}

std::vector<float> random_rows(std::int64_t count, std::int64_t order) {
    std::mt19937_64 generator(99);
    std::normal_distribution<float> normal;
    std::vector<float> rows(static_cast<std::size_t>(count * order));
    std::ranges::generate(rows, [&] { return normal(generator); });
    return rows;
}

void expect_solved(const Scaled& given, const NodeCholesky& cholesky) {
    constexpr std::int64_t kCount = 3;
    const std::vector<float> rows = random_rows(kCount, given.order);
    std::vector<float> ours = rows;
    cholesky.solve(ours, 0);
    for (std::size_t row = 0; row < rows.size(); row += given.width()) {
        const auto exact = solved_exactly(given, std::span(rows).subspan(row, given.width()));
        double size = 0;
        double error = 0;
        for (std::size_t i = 0; i < exact.size(); ++i) {
            size += exact[i] * exact[i];
            error += std::pow(double{ours[row + i]} - exact[i], 2);
        }
        EXPECT_LT(std::sqrt(error), 1e-5 * std::sqrt(size)) << "order " << given.order;
    }
}

constexpr std::int64_t kOrders[] = {1, 5, 64, 65, 300};

TEST(NodeCholesky, SolvesAsGaussDoes) {
    const parallel::Communicator node = world().split_by_node();
    for (const std::int64_t order : kOrders) {
        NodeCholesky cholesky(node, order);
        for (const double shift : {0.5, 0.1, 3.0}) {  // the same object again and again
            const Scaled given = random_gram(order, shift);
            ASSERT_TRUE(given.factor_with(cholesky));
            expect_solved(given, cholesky);
        }
    }
}

TEST(NodeCholesky, HasTheSameBitsOnAnyNumberOfRanks) {
    const parallel::Communicator node = world().split_by_node();
    const parallel::Communicator alone = parallel::Communicator::alone();
    for (const std::int64_t order : kOrders) {
        const Scaled given = random_gram(order, 0.1);
        const auto solved_by = [&](const parallel::Communicator& ranks) {
            NodeCholesky cholesky(ranks, order);
            EXPECT_TRUE(given.factor_with(cholesky));
            std::vector<float> rows = random_rows(4, order);
            cholesky.solve(rows, 0);
            return rows;
        };
        EXPECT_EQ(solved_by(node), solved_by(alone)) << "order " << order;
    }
}

/// More rows than a group that threads share, and more than are updated at a time.
TEST(NodeCholesky, HasTheSameBitsOnAnyNumberOfThreads) {
    constexpr std::int64_t kRows = 170;
    constexpr std::int64_t kFirstRow = 5;
    const parallel::Communicator node = world().split_by_node();
    const parallel::Communicator alone = parallel::Communicator::alone();
    for (const std::int64_t order : {65, 600}) {
        const Scaled given = random_gram(order, 0.1);
        const auto solved_by = [&](const parallel::Communicator& ranks, int threads) {
            NodeCholesky cholesky(ranks, order, *test::threads_of(threads));
            EXPECT_TRUE(given.factor_with(cholesky));
            std::vector<float> rows = random_rows(kRows, order);
            cholesky.solve(rows, kFirstRow);
            return rows;
        };
        const std::vector<float> expected = solved_by(alone, 1);
        for (const int threads : {1, 2, 3}) {
            EXPECT_EQ(solved_by(node, threads), expected) << order << ", threads " << threads;
        }
    }
}

TEST(NodeCholesky, OfNoRowsSolvesNothing) {
    const parallel::Communicator node = world().split_by_node();
    NodeCholesky cholesky(node, 5);
    ASSERT_TRUE(random_gram(5, 0.1).factor_with(cholesky));
    cholesky.solve({}, 0);
}

/// The places where what is wrong may be: in the first tile, at its end, in others.
TEST(NodeCholesky, RefusesADiagonalThatIsNotPositive) {
    const parallel::Communicator node = world().split_by_node();
    for (const std::int64_t order : kOrders) {
        NodeCholesky cholesky(node, order);
        const Scaled good = random_gram(order, 0.5);
        for (const std::int64_t place : {std::int64_t{0}, order / 2, order - 1}) {
            for (const double wrong :
                 {-1.0, 0.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
                Scaled bad = good;
                bad.diagonal[static_cast<std::size_t>(place)] = wrong;
                EXPECT_FALSE(bad.factor_with(cholesky)) << order << " " << place << " " << wrong;
            }
        }
        EXPECT_TRUE(good.factor_with(cholesky)) << "one failure says nothing of the next";
        expect_solved(good, cholesky);
    }
}

TEST(NodeCholesky, RefusesMatricesThatAreIndefiniteBesideTheDiagonal) {
    const parallel::Communicator node = world().split_by_node();
    for (const std::int64_t order : {5, 65, 300}) {
        NodeCholesky cholesky(node, order);
        const Scaled good = random_gram(order, 0.5);
        const std::size_t n = good.width();
        const auto with_pair = [&](std::size_t i, std::size_t j, double value) {
            Scaled changed = good;
            changed.gram[i * n + j] = value / (good.scale[i] * good.scale[j]);
            changed.gram[j * n + i] = changed.gram[i * n + j];
            return changed;
        };
        for (const double wrong : {1.6, -1.6, std::nan(""), 1e300}) {  // |a_ij| above a_ii = 1.5
            EXPECT_FALSE(with_pair(0, 1, wrong).factor_with(cholesky)) << order << " " << wrong;
            EXPECT_FALSE(with_pair(0, n - 1, wrong).factor_with(cholesky)) << order;
            EXPECT_FALSE(with_pair(n - 2, n - 1, wrong).factor_with(cholesky)) << order;
        }
        EXPECT_TRUE(good.factor_with(cholesky));
    }
}

}  // namespace
}  // namespace alphaprune::linalg
