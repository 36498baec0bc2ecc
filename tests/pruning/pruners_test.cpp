// The table of pruners: what every row must have, so that whoever reads the table can rely on it.
#include "alphaprune/pruning/pruners.hpp"

#include <gtest/gtest.h>

#include <set>

namespace alphaprune::pruning {
namespace {

TEST(Pruners, NamesAreDifferentAndFound) {
    std::set<std::string_view> names;
    for (const Pruner& pruner : pruners()) {
        EXPECT_TRUE(names.insert(pruner.name).second) << pruner.name;
        EXPECT_EQ(find_pruner(pruner.name), &pruner);
        EXPECT_EQ(pruner.name.find('-'), std::string_view::npos) << "words joined by underscores";
    }
    EXPECT_EQ(find_pruner("no such pruner"), nullptr);
    EXPECT_EQ(&default_pruner(), find_pruner("magnitude"));
}

TEST(Pruners, RowsAreComplete) {
    for (const Pruner& pruner : pruners()) {
        SCOPED_TRACE(pruner.name);
        EXPECT_FALSE(pruner.title.empty());
        EXPECT_FALSE(pruner.help.empty());
        EXPECT_FALSE(pruner.source.empty());
        EXPECT_EQ(pruner.begin_block != nullptr, pruner.needs_activations());
        EXPECT_EQ(pruner.prune_rows != nullptr, !pruner.needs_activations());
        for (const support::MethodOption& option : pruner.options) {
            EXPECT_TRUE(option.allows(option.fallback)) << option.name;
        }
    }
}

TEST(Pruners, CostsFallWithTheRanksAndStatisticsTakeMemory) {
    SiteWork alone;
    alone.cols = 4096;
    alone.weights = alone.largest = 4096.0 * 11008;
    alone.bytes = 2 * alone.weights;
    alone.sequences = alone.node_sequences = 128;
    alone.own_sequences = 128;
    alone.tokens = 2048;
    alone.own_rows = 11008;
    SiteWork on_eight = alone;
    on_eight.own_sequences = 16;
    on_eight.ranks = on_eight.node_ranks = 8;
    on_eight.own_rows = 1376;
    SiteWork on_threads = alone;
    on_threads.threads = 8;
    const auto work = [](const SiteCost& cost) { return cost.seconds + cost.flops / 1e11; };
    for (const Pruner& pruner : pruners()) {
        SCOPED_TRACE(pruner.name);
        EXPECT_GT(work(pruner.cost(alone)), 0);
        EXPECT_LT(work(pruner.cost(on_eight)), work(pruner.cost(alone)));
        if (pruner.needs_activations()) {
            EXPECT_LT(work(pruner.cost(on_threads)), work(pruner.cost(alone)) / 4);
        }
        EXPECT_EQ(pruner.cost(alone).memory > 0, pruner.needs_activations());
    }
}

}  // namespace
}  // namespace alphaprune::pruning
