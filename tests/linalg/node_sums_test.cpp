// Sums of several ranks far from their processors, added up by way of the nodes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "alphaprune/linalg/node_sums.hpp"
#include "alphaprune/support/message.hpp"
#include "support/threads.hpp"
#include "support/world.hpp"

namespace alphaprune::linalg {
namespace {

using test::world;

const support::Failure<int> kRankLost{"test.node-sums-lost", "rank {}: lost", "a test", "none"};

/// On the host, with NaN below the diagonal: those of no two ranks are alike.
class KeptSums : public FarSums {
  public:
    KeptSums(std::int64_t order, std::int64_t companion, int rank, bool fails = false)
        : order_(order),
          fails_(fails),
          values_(static_cast<std::size_t>((order + companion) * order)) {
        for (std::size_t at = 0; at < values_.size(); ++at) {
            values_[at] =
                counts(at) ? value_of(rank, at) : std::numeric_limits<double>::quiet_NaN();
        }
    }

    void add(std::span<const std::span<const float>>, std::int64_t) override {}
    std::int64_t height() const override { return std::ssize(values_) / order_; }
    void take(const Rectangle& part, std::span<double> out) override {
        if (fails_) {
            throw kRankLost("test", world().rank());
        }
        auto to = out.begin();
        for_each_row(part, [&](std::span<double> row) { to = std::ranges::copy(row, to).out; });
        EXPECT_EQ(to, out.end());
    }
    std::span<double> finished() override { return values_; }
    void put(const Rectangle& part, std::span<const double> values) override {
        auto from = values.begin();
        for_each_row(part, [&](std::span<double> row) {
            std::copy_n(from, row.size(), row.begin());
            from += std::ssize(row);
        });
        EXPECT_EQ(from, values.end());
    }

    static double value_of(int rank, std::size_t at) {
        return std::ldexp(static_cast<double>((at * 2654435761U + 1) % 1000003), rank);
    }
    /// Whether a value is of those that are added up.
    bool counts(std::size_t at) const {
        const auto row = static_cast<std::int64_t>(at) / order_;
        return row >= order_ || static_cast<std::int64_t>(at) % order_ >= row;
    }

  private:
    template <class Use>
    void for_each_row(const Rectangle& part, const Use& use) {
        EXPECT_TRUE(part.row_begin >= order_ || part.row_end <= order_) << "two kinds of sums";
        for (std::int64_t row = part.row_begin; row < part.row_end; ++row) {
            use(std::span(values_).subspan(static_cast<std::size_t>(row * order_ + part.col_begin),
                                           static_cast<std::size_t>(part.cols())));
        }
    }

    std::int64_t order_;
    bool fails_;
    std::vector<double> values_;
};

/// Of all ranks or some, on one node and on several; the room is kept for smaller and larger sums.
TEST(NodeSums, AreThoseOfAllRanks) {
    for (int count = 1; count <= world().size(); ++count) {
        const parallel::NodeMap nodes(
            world(), world().split(world().rank() % count, world().rank()), test::threads_of(2));
        NodeSums by_nodes(nullptr);
        for (const auto& [order, companion] :
             {std::pair<std::int64_t, std::int64_t>{61, 7}, {2600, 900}, {1, 0}, {530, 0}}) {
            KeptSums own(order, companion, world().rank());
            by_nodes.add_up(world(), nodes, own, order);
            int wrong = 0;
            const std::span<const double> found = own.finished();
            for (std::size_t at = 0; at < found.size(); ++at) {
                // Σ 2^rank, exactly
                const double expected =
                    KeptSums::value_of(world().size(), at) - KeptSums::value_of(0, at);
                wrong += !own.counts(at) || found[at] == expected ? 0 : 1;
            }
            EXPECT_EQ(wrong, 0) << count << " nodes, " << order;
        }
    }
}

TEST(NodeSums, FailOnAllRanksWhereThoseOfOneAreLost) {
    KeptSums own(40, 3, world().rank(), world().rank() == world().size() - 1);
    NodeSums by_nodes(nullptr);
    EXPECT_THROW(by_nodes.add_up(world(), parallel::NodeMap(world()), own, 40), support::Error);
}

}  // namespace
}  // namespace alphaprune::linalg
