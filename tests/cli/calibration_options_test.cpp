#include <gtest/gtest.h>

#include <algorithm>

#include "cli/faults_of.hpp"

namespace alphaprune::cli {
namespace {

using test::expect_faults;
using test::parsed;
using test::run_with;
using test::Words;

/// Of an option that belongs to the chosen allocation alone.
double value_in(const Options& options, std::string_view name) {
    const auto& own = options.allocation->options;
    return support::value_of(*std::ranges::find(own, name, &support::MethodOption::name),
                             options.method_values);
}

TEST(CalibrationOptions, AllAreUnderstood) {
    const Options options = parsed(run_with(
        {"--prune-method", "sparsegpt", "--calibration", "c.npy", "--nsamples", "16", "--seqlen",
         "512", "--seed", "7", "--eval", "a.npy", "--eval", "b.txt", "--eval=a b"}));
    EXPECT_EQ(options.pruner->name, "sparsegpt");
    EXPECT_EQ(options.calibration, (std::vector<CalibrationFile>{{"c.npy", 1}}));
    EXPECT_EQ(options.sequences, 16);
    EXPECT_EQ(options.sequence_length, 512);
    EXPECT_EQ(options.seed, 7U);
    EXPECT_EQ(options.evaluations, (std::vector<std::filesystem::path>{"a.npy", "b.txt", "a b"}));
}

TEST(CalibrationOptions, EveryMethodHasItsName) {
    for (const pruning::Pruner& pruner : pruning::pruners()) {
        Words more{"--prune-method", std::string(pruner.name)};
        if (pruner.needs_activations()) {
            more.emplace_back("--calibration=c");
        }
        EXPECT_EQ(parsed(run_with(more)).pruner, &pruner);
    }
}

TEST(CalibrationOptions, OwlNeedsThemBesideAnyMethod) {
    const Options options = parsed(run_with({"--allocation", "owl", "--calibration", "c"}));
    EXPECT_EQ(options.allocation->name, "owl");
    EXPECT_EQ(options.pruner->name, "magnitude");
    for (const Words& more : {Words{"--allocation", "owl"}, Words{"--prune-method", "wanda"},
                              Words{"--prune-method", "sparsegpt", "--sparsity-type", "2:4"}}) {
        expect_faults(run_with(more), {"--calibration is missing | command line | give "
                                       "a text or token file, whose activations wanda, "
                                       "sparsegpt, alps, admm and the allocations owl"});
    }
    expect_faults(run_with({"--allocation=owl", "--calibration=c", "--epsilon=0.1"}),
                  {"--epsilon has no effect with --allocation owl"});
}

TEST(OwlOptions, AreThePublishedOnesUnlessGiven) {
    const Words owl = run_with({"--allocation", "owl", "--calibration", "c"});
    EXPECT_EQ(value_in(parsed(owl), "owl-lambda"), 0.08);
    EXPECT_EQ(value_in(parsed(owl), "owl-m"), 5);
    Words given = owl;
    given.insert(given.end(), {"--owl-lambda", "0.15", "--owl_m", "7.5"});
    EXPECT_EQ(value_in(parsed(given), "owl-lambda"), 0.15);
    EXPECT_EQ(value_in(parsed(given), "owl-m"), 7.5);
    EXPECT_EQ(value_in(parse_options(owl, {"ALPHAPRUNE_OWL_M=3"}), "owl-m"), 3);
    EXPECT_EQ(value_in(parse_options(resolved_arguments(given, {}), {}), "owl-m"), 7.5);
}

TEST(OwlOptions, HaveTheirRanges) {
    for (const char* lambda : {"0", "-0.1", "0.51", "1", "nan"}) {
        expect_faults(run_with({"--allocation=owl", "--calibration=c", "--owl-lambda", lambda}),
                      {"--owl-lambda"});
    }
    for (const char* multiple : {"0", "-3", "inf", "x"}) {
        expect_faults(run_with({"--allocation=owl", "--calibration=c", "--owl-m", multiple}),
                      {"--owl-m"});
    }
    EXPECT_EQ(
        value_in(parsed(run_with({"--allocation=owl", "--calibration=c", "--owl-lambda=0.5"})),
                 "owl-lambda"),
        0.5);
}

TEST(OwlOptions, HaveAnEffectOnOwlAlone) {
    for (const std::string option : {"--owl-lambda", "--owl-m"}) {
        for (const std::string allocation : {"alphapruning", "uniform", "linear-depth"}) {
            expect_faults(run_with({"--allocation", allocation, option, "0.2"}),
                          {option + " has no effect with --allocation"});
        }
        expect_faults(run_with({"--allocation=file:r.npy", option, "0.2"}),
                      {option + " has no effect with --allocation file:r.npy"});
        expect_faults(run_with({"--sparsity-type=2:4", option, "0.2"}),
                      {option + " has no effect with --sparsity-type 2:4"});
        // A weaker one gives way.
        EXPECT_TRUE(parse_options(run_with({"--allocation", "uniform"}), {"ALPHAPRUNE_OWL_M=3"})
                        .method_values.empty());
        expect_faults({"analyze", "--model=m", "--output=o", option, "0.2"},
                      {option + " has no meaning"});
    }
}

TEST(CalibrationOptions, WithoutEffectBesideMagnitude) {
    for (const Words& more :
         {Words{"--calibration", "c"}, Words{"--nsamples", "4"}, Words{"--seed", "1"}}) {
        for (const char* allocation : {"alphapruning", "uniform", "linear-depth", "file:r.npy"}) {
            Words arguments = run_with({"--allocation", allocation});
            arguments.insert(arguments.end(), more.begin(), more.end());
            expect_faults(arguments, {more[0] + " has no effect with magnitude pruning"});
        }
    }
    expect_faults(run_with({"--seqlen", "64"}),
                  {"--seqlen has no effect with neither calibration nor --eval"});
    EXPECT_EQ(parsed(run_with({"--seqlen", "64", "--eval", "t"})).sequence_length, 64);
}

TEST(CalibrationOptions, AnUnknownMethodIsOneFault) {
    expect_faults(run_with({"--prune-method", "wnada", "--calibration", "c"}),
                  {"--prune-method cannot be 'wnada' | command line | did you mean wanda?"});
    expect_faults(run_with({"--allocation", "owll", "--calibration", "c"}),
                  {"--allocation cannot be 'owll' | command line | did you mean owl?"});
}

TEST(CalibrationOptions, Counts) {
    for (const char* text : {"0", "-4", "x", "1.5", "99999999999"}) {
        for (const std::string option : {"--nsamples", "--seqlen"}) {
            expect_faults(run_with({"--allocation=owl", "--calibration=c", option, text}),
                          {option + " '" + text + "' is not a whole number"});
        }
    }
}

TEST(CalibrationOptions, SeedsHave64Bits) {
    const auto with = [](const std::string& seed) {
        return run_with({"--prune-method=wanda", "--calibration=c", "--seed", seed});
    };
    EXPECT_EQ(parsed(with("0")).seed, 0U);
    EXPECT_EQ(parsed(with("18446744073709551615")).seed, 18446744073709551615U);
    for (const char* text : {"18446744073709551616", "-1", "+1", "1.0", "1e3", "0x1", " 1", ""}) {
        expect_faults(with(text), {"--seed '" + std::string(text) +
                                   "' is not a whole number from 0 to 2^64 - 1 | command line"});
    }
}

TEST(CalibrationOptions, EmptyNames) {
    expect_faults(run_with({"--prune-method=wanda", "--calibration", ""}),
                  {"--calibration is empty"});
    expect_faults(run_with({"--eval", ""}), {"--eval is empty"});
    expect_faults(run_with({"--eval", "a", "--eval", ""}), {"--eval is empty"});
    expect_faults({"evaluate", "--model=m", "--eval", ""}, {"--eval is empty"});
    expect_faults(run_with({"--format", ""}), {"--format is empty"});
    expect_faults(run_with({"--eval", "a", "--eval"}), {"--eval needs a value"});
}

TEST(Formats, AnyOrBoth) {
    const auto formats = [](const Words& more) {
        const Options options = parsed(run_with(more));
        return std::pair(options.write_hdf5, options.write_safetensors);
    };
    EXPECT_EQ(formats({"--format", "hdf5"}), std::pair(true, false));
    EXPECT_EQ(formats({"--format", "safetensors"}), std::pair(false, true));
    EXPECT_EQ(formats({"--format", "safetensors", "--format", "hdf5"}), std::pair(true, true));
    EXPECT_EQ(formats({"--format=hdf5", "--format=hdf5"}), std::pair(true, false));
    expect_faults(run_with({"--format", "hdf5", "--format", "safetensor"}),
                  {"--format cannot be 'safetensor' | command line | did you mean safetensors?"});
}

TEST(EvaluateAndExport, HaveTheirOwnOptions) {
    expect_faults({"evaluate", "--model", "m"}, {"--eval is missing"});
    expect_faults({"export", "--model", "m"}, {"--output is missing"});
    expect_faults(
        {"evaluate", "--model=m", "--eval=t", "--output=o", "--calibration=c", "--nsamples=2"},
        {"--output has no meaning for the command evaluate", "--calibration has no meaning",
         "--nsamples has no meaning"});
    expect_faults({"export", "--model=m", "--output=o", "--format=hdf5", "--eval=t"},
                  {"--format has no meaning for the command export", "--eval has no meaning"});
    expect_faults({"analyze", "--model=m", "--output=o", "--eval=t"},
                  {"--eval has no meaning for the command analyze"});
}

}  // namespace
}  // namespace alphaprune::cli
