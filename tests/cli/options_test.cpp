#include "alphaprune/cli/options.hpp"

#include <gtest/gtest.h>

#include "cli/faults_of.hpp"

namespace alphaprune::cli {
namespace {

using test::parsed;
using test::run_with;
using test::Words;

TEST(Options, DefaultsAreThePublishedOnes) {
    const Options options = parsed({"--model", "m", "--output", "o"});
    EXPECT_EQ(options.command, Command::run);
    EXPECT_EQ(options.model, "m");
    EXPECT_EQ(options.output, "o");
    EXPECT_FALSE(options.overwrite);
    EXPECT_EQ(options.allocation->name, "alphapruning");
    EXPECT_EQ(options.metric, spectrum::Metric::alpha_peak);
    EXPECT_EQ(options.farms.aspect, 1);
    EXPECT_EQ(options.ratios.sparsity_ratio, 0.7);
    EXPECT_EQ(options.ratios.epsilon, 0.3);
    EXPECT_EQ(options.ratios.max_sparsity, 0.99);
    EXPECT_EQ(options.ratios.mapping, allocation::Mapping::block_wise);
    EXPECT_EQ(options.pruner->name, "magnitude");
    EXPECT_EQ(options.pattern, std::nullopt);
    EXPECT_FALSE(options.mixed_pattern);
    EXPECT_EQ(options.sequences, std::nullopt);  // the usual, or all that a file has
    EXPECT_EQ(options.sequence_length, std::nullopt);
    EXPECT_EQ(options.seed, 0U);
    EXPECT_TRUE(options.write_hdf5);
    EXPECT_FALSE(options.write_safetensors);
    EXPECT_EQ(options.ties, pruning::Ties::exact);
    EXPECT_EQ(options.solver, std::nullopt);
    EXPECT_EQ(options.group_ranks, std::nullopt);
    EXPECT_EQ(options.log_level, support::LogLevel::info);
    EXPECT_EQ(options.command_line, (Words{"--model", "m", "--output", "o"}));
}

TEST(Options, EveryOptionIsUnderstood) {
    const Options options = parsed({"run",
                                    "--model",
                                    "m",
                                    "--output=o",
                                    "--overwrite",
                                    "--sparsity-ratio",
                                    "0.5",
                                    "--prune-method",
                                    "magnitude",
                                    "--sparsity-type",
                                    "unstructured",
                                    "--metric",
                                    "alpha_mid",
                                    "--allocation",
                                    "alphapruning",
                                    "--mapping-type",
                                    "layer_wise",
                                    "--epsilon",
                                    "0.25",
                                    "--max-sparsity",
                                    "0.95",
                                    "--ties",
                                    "inclusive",
                                    "--metric-cache",
                                    "c.npy",
                                    "--format",
                                    "hdf5",
                                    "--storage",
                                    "dense",
                                    "--solver",
                                    "scalapack",
                                    "--group-ranks",
                                    "4",
                                    "--precision",
                                    "double",
                                    "--log-level",
                                    "warning"});
    EXPECT_EQ(options.output, "o");
    EXPECT_TRUE(options.overwrite);
    EXPECT_EQ(options.ratios.sparsity_ratio, 0.5);
    EXPECT_EQ(options.metric, spectrum::Metric::alpha_mid);
    EXPECT_EQ(options.ratios.mapping, allocation::Mapping::layer_wise);
    EXPECT_EQ(options.ratios.epsilon, 0.25);
    EXPECT_EQ(options.ratios.max_sparsity, 0.95);
    EXPECT_EQ(options.ties, pruning::Ties::inclusive);
    EXPECT_EQ(options.metric_cache, "c.npy");
    EXPECT_EQ(options.solver, linalg::Solver::scalapack);
    EXPECT_EQ(options.group_ranks, 4);
    EXPECT_EQ(options.log_level, support::LogLevel::warning);
}

TEST(Options, DashesAndUnderscoresAreTheSame) {
    const Options options = parsed(run_with({"--sparsity_ratio=0.5", "--mapping_type", "layer-wise",
                                             "--max-sparsity", "0.9", "--metric", "alpha-mid"}));
    EXPECT_EQ(options.ratios.sparsity_ratio, 0.5);
    EXPECT_EQ(options.ratios.mapping, allocation::Mapping::layer_wise);
    EXPECT_EQ(options.metric, spectrum::Metric::alpha_mid);
}

TEST(Options, ValuesKeepTheirUnderscoresAndEqualsSigns) {
    const Options options = parsed({"--model=a_b=c", "--output", "x_y-z"});
    EXPECT_EQ(options.model, "a_b=c");
    EXPECT_EQ(options.output, "x_y-z");
}

TEST(Options, Commands) {
    EXPECT_EQ(parsed({"analyze", "--model", "m", "--output", "o"}).command, Command::analyze);
    const Options verify = parsed({"verify", "--log-level", "error", "out"});
    EXPECT_EQ(verify.command, Command::verify);
    EXPECT_EQ(verify.verify_target, "out");
    EXPECT_EQ(verify.log_level, support::LogLevel::error);
    EXPECT_EQ(parsed({"help"}).command, Command::help);
    const Options evaluate = parsed({"evaluate", "--model", "c.h5", "--eval", "t", "--seqlen=64"});
    EXPECT_EQ(evaluate.command, Command::evaluate);
    EXPECT_EQ(evaluate.model, "c.h5");
    EXPECT_EQ(evaluate.sequence_length, 64);
    const Options exported = parsed({"export", "--model", "c.h5", "--output", "hf", "--overwrite"});
    EXPECT_EQ(exported.command, Command::export_model);
    EXPECT_EQ(exported.output, "hf");
    EXPECT_TRUE(exported.overwrite);
}

TEST(Options, HelpAndVersionWinOverFaults) {
    EXPECT_EQ(parsed({"--help"}).command, Command::help);
    EXPECT_EQ(parsed({"-h"}).command, Command::help);
    EXPECT_EQ(parsed({"--version"}).command, Command::version);
    EXPECT_EQ(parsed({"plan", "--nonsense", "--epsilon", "x", "--help"}).command, Command::help);
    EXPECT_EQ(parsed({"--model", "--version", "stray"}).command, Command::version);
    EXPECT_EQ(parsed({"verify", "--help", "--version"}).command, Command::help);
}

TEST(Options, Allocations) {
    EXPECT_EQ(parsed(run_with({"--allocation", "uniform"})).allocation->name, "uniform");
    EXPECT_EQ(parsed(run_with({"--allocation", "linear-depth"})).allocation->name, "linear_depth");
    const Options file = parsed(run_with({"--allocation", "file:a_b-c.csv"}));
    EXPECT_EQ(file.allocation->name, "file");
    EXPECT_EQ(file.allocation_file, "a_b-c.csv");
}

TEST(Options, EverySolverHasItsName) {
    for (const linalg::Solver solver : linalg::kSolvers) {
        EXPECT_EQ(parsed(run_with({"--solver", std::string(name_of(solver))})).solver, solver);
    }
    EXPECT_EQ(parsed(run_with({"--solver", "auto"})).solver, std::nullopt);
}

TEST(Options, LapackMeansItsTwoStageSolver) {
    EXPECT_EQ(parsed(run_with({"--solver", "lapack"})).solver, linalg::Solver::lapack2);
}

TEST(Options, EveryMetricHasItsName) {
    for (std::size_t m = 0; m < spectrum::kMetrics; ++m) {
        const auto metric = static_cast<spectrum::Metric>(m);
        EXPECT_EQ(parsed(run_with({"--metric", std::string(name_of(metric))})).metric, metric);
    }
}

TEST(Options, TheSameValueTwiceIsNoContradiction) {
    EXPECT_EQ(parsed(run_with({"--epsilon", "0.2", "--epsilon=0.2"})).ratios.epsilon, 0.2);
}

TEST(Options, RangesIncludeWhatTheyShould) {
    EXPECT_EQ(parsed(run_with({"--sparsity-ratio", "0"})).ratios.sparsity_ratio, 0);
    EXPECT_EQ(parsed(run_with({"--epsilon", "0"})).ratios.epsilon, 0);
    EXPECT_EQ(parsed(run_with({"--max-sparsity", "1"})).ratios.max_sparsity, 1);
    EXPECT_EQ(parsed(run_with({"--max-sparsity", "0.7"})).ratios.max_sparsity, 0.7);
    EXPECT_EQ(parsed(run_with({"--sparsity-ratio", "7e-1"})).ratios.sparsity_ratio, 0.7);
}

}  // namespace
}  // namespace alphaprune::cli
