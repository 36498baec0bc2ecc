// Sums of products that each rank has made far from its processor, put together.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "alphaprune/linalg/joint_products.hpp"
#include "alphaprune/support/message.hpp"
#include "support/threads.hpp"
#include "support/world.hpp"

namespace alphaprune::linalg {
namespace {

using test::world;

constexpr std::int64_t kOrder = 530;  // more than a tile, and no multiple
constexpr std::int64_t kCompanion = 37;
constexpr std::int64_t kHeight = kOrder + kCompanion;

const support::Failure<int> kLost{"test.far-sums-lost", "rank {}: lost", "a test", "none"};

/// What a rank has summed up: no two elements or ranks alike.
double value_of(int rank, std::int64_t row, std::int64_t col) {
    const std::int64_t first = row < kOrder ? std::min(row, col) : row;
    const std::int64_t second = row < kOrder ? std::max(row, col) : col;
    return std::sin(static_cast<double>(rank + 1) * static_cast<double>(first * 1009 + second));
}

/// On the host, with nothing below the diagonal.
class MadeUpSums : public FarSums {
  public:
    MadeUpSums(int rank, bool fails) : rank_(rank), fails_(fails) {}

    void add(std::span<const std::span<const float>>, std::int64_t) override {}
    std::int64_t height() const override { return kHeight; }
    void take(const Rectangle& part, std::span<double> out) override {
        if (fails_) {
            throw kLost("test", rank_);
        }
        auto to = out.begin();
        for (std::int64_t row = part.row_begin; row < part.row_end; ++row) {
            for (std::int64_t col = part.col_begin; col < part.col_end; ++col) {
                // Some columns left of the diagonal may have been computed.
                const bool counts = row >= kOrder || col >= row / 256 * 256;
                *to++ =
                    counts ? value_of(rank_, row, col) : std::numeric_limits<double>::quiet_NaN();
            }
        }
        EXPECT_EQ(to, out.end());
    }
    std::span<double> finished() override { return {}; }  // it is nowhere else
    void put(const Rectangle&, std::span<const double>) override {}

  private:
    int rank_;
    bool fails_;
};

/// Every second rank of several has had no vectors.
bool has_vectors(int rank) {
    return rank % 2 == 0;
}

TEST(JointFarProducts, AreTheSumsOfAllRanks) {
    const std::vector<std::int64_t> companions{kCompanion};
    for (int count = 1; count <= world().size(); ++count) {
        const parallel::NodeMap nodes(
            world(), world().split(world().rank() % count, world().rank()), test::threads_of(2));
        MadeUpSums own(world().rank(), false);
        const JointProducts sums(world(), nodes, kOrder, companions,
                                 has_vectors(world().rank()) ? &own : nullptr);
        EXPECT_EQ(sums.order(), kOrder);
        int wrong = 0;
        for (std::int64_t row = 0; row < kHeight; ++row) {
            for (std::int64_t col = 0; col < kOrder; ++col) {
                double expected = 0;
                for (int rank = 0; rank < world().size(); ++rank) {
                    expected += has_vectors(rank) ? value_of(rank, row, col) : 0;
                }
                const double found =
                    row < kOrder
                        ? sums.gram()[static_cast<std::size_t>(row * kOrder + col)]
                        : sums.cross(0)[static_cast<std::size_t>((row - kOrder) * kOrder + col)];
                wrong += std::abs(found - expected) <= 1e-14 ? 0 : 1;
            }
        }
        EXPECT_EQ(wrong, 0) << count << " nodes";
    }
}

TEST(JointFarProducts, FailOnAllRanksWhereThoseOfOneAreLost) {
    const std::vector<std::int64_t> companions{kCompanion};
    MadeUpSums own(world().rank(), world().rank() == world().size() - 1);
    EXPECT_THROW(JointProducts(world(), parallel::NodeMap(world()), kOrder, companions, &own),
                 support::Error);
}

}  // namespace
}  // namespace alphaprune::linalg
