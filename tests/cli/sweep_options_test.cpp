#include <gtest/gtest.h>

#include "alphaprune/cli/options.hpp"
#include "cli/faults_of.hpp"

namespace alphaprune::cli {
namespace {

using test::expect_faults;
using test::parsed;
using test::Words;

Words sweep_with(const Words& more) {
    Words words{"sweep", "--model", "m", "--output", "o"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
}

Words names_of(const Options& options) {
    Words names;
    for (const SweepPoint& point : options.sweep.points) {
        names.push_back(point.name);
    }
    return names;
}

TEST(SweepOptions, PointsAreAllCombinations) {
    const Options options =
        parsed(sweep_with({"--sparsity-ratio", "0.5,0.6", "--prune-method", "wanda,magnitude",
                           "--allocation", "uniform,alphapruning", "--calibration", "c.npy"}));
    EXPECT_EQ(options.command, Command::sweep);
    EXPECT_EQ(names_of(options),
              (Words{"wanda-uniform-0.5", "wanda-uniform-0.6", "wanda-alphapruning-0.5",
                     "wanda-alphapruning-0.6", "magnitude-uniform-0.5", "magnitude-uniform-0.6",
                     "magnitude-alphapruning-0.5", "magnitude-alphapruning-0.6"}));
    EXPECT_EQ(options.sweep.keep, Keep::all);
}

TEST(SweepOptions, APointIsARunOfItsOwn) {
    const Options sweep = parsed(sweep_with(
        {"--sparsity-ratio", "0.5,0.6", "--prune-method", "wanda,sparsegpt", "--allocation",
         "uniform,alphapruning", "--calibration", "c.npy", "--damping", "0.05", "--epsilon", "0.2",
         "--eval", "a.npy", "--eval", "b.npy", "--max-time", "01:00:00", "--overwrite"}));
    const Options point = options_of_point(sweep, sweep.sweep.points[7], 0.2);
    EXPECT_EQ(sweep.sweep.points[7].name, "sparsegpt-alphapruning-0.6");
    const Options run = parsed({"--model",          "m",
                                "--output",         "o/sparsegpt-alphapruning-0.6",
                                "--sparsity-ratio", "0.6",
                                "--prune-method",   "sparsegpt",
                                "--allocation",     "alphapruning",
                                "--calibration",    "c.npy",
                                "--damping",        "0.05",
                                "--epsilon",        "0.2",
                                "--eval",           "a.npy",
                                "--eval",           "b.npy"});
    EXPECT_EQ(point.command, Command::run);
    EXPECT_EQ(point.output, run.output);
    EXPECT_EQ(point.pruner, run.pruner);
    EXPECT_EQ(point.allocation, run.allocation);
    EXPECT_EQ(point.ratios.epsilon, run.ratios.epsilon);
    EXPECT_EQ(point.ratios.sparsity_ratio, run.ratios.sparsity_ratio);
    EXPECT_EQ(point.damping, run.damping);
    EXPECT_EQ(point.calibration, run.calibration);
    EXPECT_EQ(point.evaluations, run.evaluations);
    EXPECT_FALSE(point.overwrite);
    EXPECT_FALSE(point.max_seconds);
    EXPECT_TRUE(sweep.overwrite);
    EXPECT_EQ(sweep.max_seconds, 3600.0);
    EXPECT_EQ(sweep.sweep.keep, Keep::best);
}

TEST(SweepOptions, WhatHasNoEffectInAPointIsLeftOutThere) {
    const Options sweep =
        parsed(sweep_with({"--prune-method", "magnitude,sparsegpt", "--allocation",
                           "uniform,alphapruning", "--calibration", "c.npy", "--damping", "0.05",
                           "--epsilon", "0.2", "--metric", "alpha_mid"}));
    const Options plain = options_of_point(sweep, sweep.sweep.points[0], {});
    EXPECT_EQ(sweep.sweep.points[0].name, "magnitude-uniform-0.7");
    EXPECT_TRUE(plain.calibration.empty());
    EXPECT_TRUE(sweep.sweep.points[0].epsilons.empty());
    EXPECT_EQ(sweep.sweep.points[1].epsilons, std::vector<double>{0.2});
    EXPECT_EQ(options_of_point(sweep, sweep.sweep.points[3], 0.2).damping, 0.05);
    EXPECT_EQ(sweep.metric, spectrum::Metric::alpha_mid);
    EXPECT_EQ(sweep.calibration.size(), 1U);
}

TEST(SweepOptions, WhatHasNoEffectInAnyPointIsAFault) {
    expect_faults(
        sweep_with({"--prune-method", "magnitude,wanda", "--calibration", "c.npy", "--allocation",
                    "uniform,owl", "--epsilon", "0.2", "--damping", "0.05"}),
        {"--damping has no effect with", "--epsilon has no effect with"});
    const Words environment{"ALPHAPRUNE_EPSILON=0.2"};
    const Options options = parse_options(
        sweep_with({"--allocation", "uniform,linear_depth", "--sparsity-ratio", "0.5"}),
        environment);
    EXPECT_EQ(options.sweep.points[1].epsilons, std::vector<double>{0.2});
    EXPECT_EQ(names_of(parse_options(sweep_with({"--allocation", "uniform"}), environment)),
              Words{"magnitude-uniform-0.7"});
}

TEST(SweepOptions, SeveralEpsilonsAreTried) {
    const Options sweep =
        parsed(sweep_with({"--prune-method", "wanda", "--allocation", "uniform,linear_depth",
                           "--calibration", "c.npy", "--epsilon", "0.1:0.4:0.1"}));
    EXPECT_TRUE(sweep.sweep.points[0].epsilons.empty());
    EXPECT_EQ(sweep.sweep.points[1].epsilons, (std::vector<double>{0.1, 0.2, 0.3, 0.4}));
    expect_faults(sweep_with({"--prune-method", "magnitude", "--epsilon", "0.1,0.2"}),
                  {"several values of --epsilon cannot be tried with --prune-method magnitude"});
}

TEST(SweepOptions, FilesOfRatiosTakeNoRatio) {
    const Options sweep = parsed(sweep_with(
        {"--allocation", "uniform,file:x/a.csv,file:y/a.csv", "--sparsity-ratio", "0.5,0.6"}));
    EXPECT_EQ(names_of(sweep), (Words{"magnitude-uniform-0.5", "magnitude-uniform-0.6",
                                      "magnitude-file_a", "magnitude-file_a-2"}));
}

TEST(SweepOptions, AllFaultsAtOnceEachOnce) {
    expect_faults(
        sweep_with({"--prune-method", "wanda,magic", "--allocation", "uniform,", "--sparsity-ratio",
                    "0.5,1.5", "--epsilon", "0.4:0.1:0.1", "--keep", "best"}),
        {"--allocation 'uniform,' is not a list", "--epsilon '0.4:0.1:0.1' is not a list",
         "--calibration is missing", "--sparsity-ratio 1.5", "'magic'",
         "--keep best needs --eval"});
}

TEST(SweepOptions, NotMoreRunsThanCanBeMeant) {
    expect_faults(
        sweep_with({"--sparsity-ratio", "0.1:0.9:0.001", "--allocation", "uniform,linear_depth"}),
        {"the lists stand for 1602 runs"});
}

TEST(SweepOptions, TheSameAfterTheRoadToOtherRanks) {
    const Words words =
        sweep_with({"--sparsity-ratio", "0.5,0.6", "--allocation", "uniform,alphapruning",
                    "--prune-method", "wanda", "--calibration", "c.npy", "--epsilon", "0.1,0.2",
                    "--eval", "e.npy", "--keep", "none"});
    const Options here = parsed(words);
    const Options there = parsed(resolved_arguments(words, {}));
    ASSERT_EQ(here.sweep.points.size(), there.sweep.points.size());
    for (std::size_t p = 0; p < here.sweep.points.size(); ++p) {
        EXPECT_EQ(here.sweep.points[p].words, there.sweep.points[p].words);
        EXPECT_EQ(here.sweep.points[p].epsilons, there.sweep.points[p].epsilons);
        EXPECT_EQ(here.sweep.points[p].name, there.sweep.points[p].name);
    }
    EXPECT_EQ(there.sweep.keep, Keep::none);
}

TEST(ReportOptions, FoldersAndAnOutput) {
    const Options options = parsed({"report", "a", "b", "--output", "c"});
    EXPECT_EQ(options.command, Command::report);
    EXPECT_EQ(options.compared, (std::vector<std::filesystem::path>{"a", "b"}));
    EXPECT_EQ(options.output, "c");
    EXPECT_EQ(parsed(resolved_arguments({"report", "a", "b", "--output", "c"}, {})).compared,
              options.compared);
    expect_faults({"report"}, {"report needs to know what to compare", "--output is missing"});
    expect_faults({"report", "a", "--output=c", "--seed=1"}, {"no meaning for the command report"});
}

}  // namespace
}  // namespace alphaprune::cli
