#include <gtest/gtest.h>

#include "alphaprune/cli/options.hpp"
#include "cli/faults_of.hpp"

namespace alphaprune::cli {
namespace {

using test::parsed;

using test::expect_faults;
using test::Words;

Words plan_with(const Words& more) {
    Words words{"plan", "--model", "m"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
}

TEST(PlanOptions, OnlyTheModelIsNeeded) {
    const Options options = parsed(plan_with({}));
    EXPECT_EQ(options.command, Command::plan);
    EXPECT_TRUE(options.output.empty());
    EXPECT_FALSE(options.plan.ranks);
    EXPECT_FALSE(options.plan.dgemm_gflops);
    expect_faults({"plan", "--ranks", "4"}, {"--model is missing"});
}

TEST(PlanOptions, AFinishedRunKnowsItsModel) {
    const Options options = parsed({"plan", "--validate", "out"});
    EXPECT_EQ(options.plan.validate, "out");
    EXPECT_TRUE(options.model.empty());
    expect_faults({"run", "--model=m", "--output=o", "--validate=out"},
                  {"--validate has no meaning for the command run"});
}

TEST(PlanOptions, TheClusterAndItsRates) {
    const Options options = parsed(plan_with({"--ranks",
                                              "4096",
                                              "--ranks_per_node",
                                              "64",
                                              "--memory-per-node",
                                              "256GiB",
                                              "--dgemm-gflops",
                                              "45.5",
                                              "--sgemm-gflops=90",
                                              "--bf16-gflops=500",
                                              "--memory-gbps=9",
                                              "--read-gbps=2.5",
                                              "--write-gbps=1.5",
                                              "--storage-gbps=80",
                                              "--network-gbps=12",
                                              "--cards-per-node=4",
                                              "--card-memory=140GiB",
                                              "--card-gflops=5e5",
                                              "--calibrate-from",
                                              "old",
                                              "--json",
                                              "plan.json"}));
    EXPECT_EQ(options.plan.ranks, 4096);
    EXPECT_EQ(options.plan.ranks_per_node, 64);
    EXPECT_EQ(options.plan.memory_per_node, std::uint64_t{256} << 30);
    EXPECT_EQ(options.plan.dgemm_gflops, 45.5);
    EXPECT_EQ(options.plan.sgemm_gflops, 90);
    EXPECT_EQ(options.plan.bf16_gflops, 500);
    EXPECT_EQ(options.plan.memory_gbps, 9);
    EXPECT_EQ(options.plan.read_gbps, 2.5);
    EXPECT_EQ(options.plan.write_gbps, 1.5);
    EXPECT_EQ(options.plan.storage_gbps, 80);
    EXPECT_EQ(options.plan.network_gbps, 12);
    EXPECT_EQ(options.plan.cards_per_node, 4);
    EXPECT_EQ(options.card_memory, std::uint64_t{140} << 30);
    EXPECT_EQ(options.plan.card_gflops, 5e5);
    EXPECT_EQ(options.plan.calibrate_from, "old");
    EXPECT_EQ(options.plan.json, "plan.json");
}

TEST(PlanOptions, ListsAreThoseOfASweep) {
    const Options sweep = parsed(plan_with(
        {"--sparsity-ratio", "0.5,0.6", "--prune-method", "wanda,magnitude", "--ranks", "8"}));
    EXPECT_EQ(sweep.command, Command::plan);
    EXPECT_EQ(sweep.plan.ranks, 8);
    ASSERT_EQ(sweep.sweep.points.size(), 4U);
    const Options point = options_of_point(sweep, sweep.sweep.points[1], {});
    EXPECT_EQ(point.command, Command::plan);
    EXPECT_EQ(point.ratios.sparsity_ratio, 0.6);
    EXPECT_TRUE(point.output.empty());
    for (const Words& words : {Words{"--sparsity-ratio", "0.5:0.6:0.1"},
                               Words{"--epsilon", "0.1,0.2", "--prune-method", "wanda"}}) {
        EXPECT_FALSE(parsed(plan_with(words)).sweep.points.empty());
    }
    for (const Words& words :
         {Words{}, Words{"--sparsity-ratio", "0.5"}, Words{"--allocation", "file:a,b.csv"}}) {
        EXPECT_TRUE(parsed(plan_with(words)).sweep.points.empty());
    }
    expect_faults(plan_with({"--sparsity-ratio", "0.5,1.6"}), {"1.6"});
}

TEST(PlanOptions, WhatARunIsAskedCanBePlanned) {
    const Options options =
        parsed(plan_with({"--prune-method", "sparsegpt", "--nsamples", "64", "--solver", "elpa2",
                          "--group-ranks", "4", "--format", "safetensors", "--output", "o"}));
    EXPECT_EQ(options.pruner->name, "sparsegpt");
    EXPECT_EQ(options.sequences, 64);
    EXPECT_EQ(options.group_ranks, 4);
    EXPECT_TRUE(options.write_safetensors);
    EXPECT_EQ(options.output, "o");
}

TEST(PlanOptions, AmountsOfMemory) {
    const auto size_of = [](const std::string& text) {
        return parsed({"analyze", "--model=m", "--output=o", "--memory-per-rank", text})
            .memory_per_rank;
    };
    EXPECT_EQ(size_of("4GiB"), std::uint64_t{4} << 30);
    EXPECT_EQ(size_of("4G"), std::uint64_t{4} << 30);
    EXPECT_EQ(size_of("1.5GB"), 1500000000U);
    EXPECT_EQ(size_of("3900MB"), 3900000000U);
    EXPECT_EQ(size_of("512m"), std::uint64_t{512} << 20);
    EXPECT_EQ(size_of("64kB"), 64000U);
    EXPECT_EQ(size_of("2TiB"), std::uint64_t{2} << 40);
    EXPECT_EQ(size_of("100"), 100U);
    EXPECT_EQ(size_of("100B"), 100U);
    for (const char* text : {"", "GiB", "-4GiB", "4 GiB", "4GiBs", "4X", "4ii", "0", "0.1", "1e99",
                             "99999999TB", "nan", "4.5.6G", "inf"}) {
        expect_faults(
            {"analyze", "--model=m", "--output=o", std::string("--memory-per-rank=") + text},
            {*text == '\0' ? "--memory-per-rank needs a value" : "is not an amount of memory"});
    }
}

TEST(PlanOptions, RatesAreGreaterThanNothing) {
    for (const char* value : {"0", "-1"}) {
        expect_faults(plan_with({"--read-gbps", value}), {"is not greater than 0"});
    }
    expect_faults(plan_with({"--dgemm-gflops", "fast"}), {"--dgemm-gflops 'fast' is not a number"});
    expect_faults(plan_with({"--ranks", "0"}), {"--ranks '0' is not a whole number of at least 1"});
    expect_faults(plan_with({"--memory-per-node=4G", "--memory-per-rank=1G"}),
                  {"state the same twice"});
}

}  // namespace
}  // namespace alphaprune::cli
