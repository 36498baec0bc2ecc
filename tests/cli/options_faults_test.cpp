#include <gtest/gtest.h>

#include "cli/faults_of.hpp"

namespace alphaprune::cli {
namespace {

using test::expect_faults;
using test::run_with;
using test::Words;

TEST(OptionFaults, AllAreCollected) {
    expect_faults(
        {"--modle", "m", "--epsilon", "nan", "--sparsity-ratio=1.5", "--ties", "none", "--output"},
        {"--output needs a value",
         "unknown option --modle | command line | did you mean "
         "--model?",
         "--model is missing", "--output is missing", "--ties cannot be 'none'",
         "--sparsity-ratio 1.5", "--epsilon 'nan' is not a number"});
}

TEST(OptionFaults, NothingAtAll) {
    expect_faults({}, {"--model is missing", "--output is missing"});
    expect_faults({"analyze"}, {"--model is missing", "--output is missing"});
    expect_faults({"verify"}, {"verify needs to know what to verify"});
    expect_faults({"evaluate"}, {"--model is missing", "--eval is missing"});
    expect_faults({"export"}, {"--model is missing", "--output is missing"});
}

TEST(OptionFaults, UnknownCommands) {
    for (const char* word : {"plans", "evaluates", "export_model", "prune", "RUN", ""}) {
        expect_faults({word, "--model", "m"},
                      {"unknown command '" + std::string(word) +
                       "' | command line | this version has run, analyze, sweep, plan, verify, "
                       "evaluate, export, report, help"});
    }
}

TEST(OptionFaults, UnknownOptionsGetASuggestion) {
    const auto expect_suggestion = [](const std::string& option, const std::string& meant) {
        expect_faults(run_with({option + "=1"}), {"did you mean " + meant + "?"});
    };
    expect_suggestion("--sparsity", "--sparsity-ratio");
    expect_suggestion("--sparsty-ratio", "--sparsity-ratio");
    expect_suggestion("--epsilno", "--epsilon");
    expect_suggestion("--Metric", "--metric");
    expect_suggestion("-epsilon", "--epsilon");
    expect_faults(run_with({"--zzzzzzzz"}), {"--help lists the options"});
    expect_faults(run_with({"-x"}), {"unknown option --x"});
    expect_faults(run_with({"--" + std::string(100000, 'a')}), {"unknown option"});
}

TEST(OptionFaults, NoAbbreviations) {
    expect_faults(run_with({"--eps", "0.2"}), {"unknown option --eps"});
    expect_faults({"--mod", "m", "--output", "o"}, {"unknown option --mod", "--model is missing"});
}

TEST(OptionFaults, StorageIsDenseOrABitmask) {
    EXPECT_FALSE(parse_options(run_with({"--storage", "dense"}), {}).store_bitmask);
    EXPECT_TRUE(parse_options(run_with({"--storage", "bitmask"}), {}).store_bitmask);
    expect_faults(run_with({"--storage", "sparse"}), {"--storage cannot be 'sparse'"});
}

TEST(OptionFaults, CardsAreChosenByDeviceAndNotWithASolver) {
    expect_faults(run_with({"--solver", "cuda"}), {"--solver cannot be 'cuda'"});
    expect_faults(run_with({"--device", "gpu"}), {"--device cannot be 'gpu'"});
    expect_faults(run_with({"--device", "cuda", "--solver", "two_stage"}), {"--device"});
}

TEST(OptionFaults, SinglePrecisionIsForMetricsThatStandIt) {
    const Words precision{"--precision", "auto", "--metric"};
    const auto with = [&](const char* metric, Words more) {
        Words words = precision;
        words.emplace_back(metric);
        words.insert(words.end(), more.begin(), more.end());
        return run_with(words);
    };
    expect_faults(with("alpha_mid", {}), {});
    expect_faults(with("alpha_mid", {"--solver", "two_stage"}), {});
    expect_faults(with("alpha_mid", {"--solver", "scalapack"}), {"--precision has no effect"});
    expect_faults(with("alpha_ks", {}), {"--precision has no effect with this metric"});
    expect_faults(run_with({"--precision", "single"}), {"--precision has no effect"});
    expect_faults(run_with({"--precision", "double", "--solver", "scalapack"}), {});
}

TEST(OptionFaults, WrongChoicesAreNamedWithTheRightOnes) {
    expect_faults(run_with({"--ties", "inclusve"}),
                  {"--ties cannot be 'inclusve' | command line | did you mean inclusive? choose "
                   "one of exact, inclusive"});
    expect_faults(run_with({"--metric", "beta"}), {"choose one of alpha_peak, alpha_mid, "});
    expect_faults(run_with({"--log-level", "loud"}), {"debug, info, warning, error"});
    expect_faults(run_with({"--allocation", "file:"}), {"--allocation file: names no file"});
    expect_faults(run_with({"--overwrite=maybe"}), {"--overwrite cannot be 'maybe'"});
}

TEST(OptionFaults, UnreadableNumbers) {
    for (const char* text : {"0.7x", "0,7", "70%", "nan", "inf", "-inf", "1e999", "0x0.8", " 0.7",
                             "0.7 ", "one", "+0.7", "0.7.1"}) {
        expect_faults(run_with({"--sparsity-ratio", text}),
                      {"--sparsity-ratio '" + std::string(text) + "' is not a number"});
    }
    for (const char* text : {"0", "-1", "2.5", "2x", "99999999999", "two"}) {
        expect_faults(run_with({"--solver", "scalapack", "--group-ranks", text}),
                      {"--group-ranks '" + std::string(text) + "' is not a whole number"});
    }
}

TEST(OptionFaults, NumbersOutOfRange) {
    for (const char* text : {"1", "1.0", "70", "-0.1"}) {
        expect_faults(run_with({"--sparsity-ratio", text}),
                      {"--sparsity-ratio " + std::string(text) +
                       " is not in [0, 1) | command line | give a number in [0, 1): for "
                       "70 % write 0.7"});
        expect_faults(run_with({"--epsilon", text}),
                      {"--epsilon " + std::string(text) + " is not in [0, 1)"});
    }
    for (const char* text : {"0", "1.01", "-0.5"}) {
        expect_faults(run_with({"--max-sparsity", text}),
                      {"--max-sparsity " + std::string(text) + " is not in (0, 1]"});
    }
}

TEST(OptionFaults, ABoundBelowTheRatio) {
    expect_faults(run_with({"--max-sparsity", "0.6"}), {"the ratio 0.7 cannot be reached"});
    expect_faults(run_with({"--sparsity-ratio", "0.995"}), {"the ratio 0.995 cannot be reached"});
}

TEST(OptionFaults, MissingValues) {
    expect_faults({"--model", "--output", "o"}, {"--model needs a value", "--model is missing"});
    expect_faults({"--model=", "--output", "o"}, {"--model needs a value", "--model is missing"});
    expect_faults({"--model", "", "--output", "o"}, {"--model is empty"});
    expect_faults(run_with({"--epsilon", "0.2", "--epsilon"}), {"--epsilon needs a value"});
    expect_faults(run_with({"--overwrite=", "--=x", "--="}),
                  {"--overwrite needs a value", "'--=x' names no option", "'--=' names no option"});
    expect_faults(run_with({"--nonsense=", "--epsilno="}),
                  {"unknown option --nonsense", "did you mean --epsilon?"});
    expect_faults(
        run_with({"--metric-cache", "--overwite", "--epsilon="}),
        {"--metric-cache needs a value", "--epsilon needs a value", "did you mean --overwrite?"});
}

TEST(OptionFaults, GivenTwiceDifferently) {
    expect_faults(run_with({"--epsilon", "0.2", "--epsilon", "0.3"}),
                  {"--epsilon is given twice, as '0.2' and as '0.3'"});
    expect_faults(run_with({"--sparsity-ratio", "0.2", "--sparsity_ratio", "0.3"}),
                  {"--sparsity-ratio is given twice"});
}

TEST(OptionFaults, StrayWords) {
    expect_faults(run_with({"out"}), {"unexpected word 'out'"});
    expect_faults(run_with({"analyze"}), {"the command stands first"});
    expect_faults(run_with({"--overwrite", "folder"}), {"--overwrite cannot be 'folder'"});
    expect_faults({"verify", "a", "b"}, {"unexpected word 'b'"});
    expect_faults(run_with({"--", "x"}), {"unexpected word 'x'"});
}

TEST(OptionFaults, OptionsTheCommandDoesNotKnow) {
    expect_faults({"analyze", "--model", "m", "--output", "o", "--sparsity-ratio", "0.5",
                   "--metric-cache", "c.npy", "--ties", "exact"},
                  {"--sparsity-ratio has no meaning for the command analyze",
                   "--metric-cache has no meaning", "--ties has no meaning"});
    expect_faults({"verify", "out", "--model", "m"},
                  {"--model has no meaning for the command verify"});
}

TEST(OptionFaults, ContradictionsWithTheAllocation) {
    for (const Words& more : {Words{"--metric", "alpha_mid"}, Words{"--metric-cache", "c.npy"},
                              Words{"--epsilon", "0.1"}, Words{"--mapping-type", "block_wise"}}) {
        for (const char* allocation : {"uniform", "file:r.csv"}) {
            Words arguments = run_with({"--allocation", allocation});
            arguments.insert(arguments.end(), more.begin(), more.end());
            expect_faults(arguments, {more[0] + " has no effect with --allocation " + allocation});
        }
    }
    expect_faults(run_with({"--allocation=linear-depth", "--metric=alpha_mid"}),
                  {"--metric has no effect with --allocation linear_depth"});
    expect_faults(run_with({"--allocation=linear_depth", "--epsilon=0.1"}), {});
    expect_faults(run_with({"--allocation=file:r.npy", "--sparsity-ratio=0.5"}),
                  {"--sparsity-ratio has no effect with --allocation file:r.npy"});
}

TEST(OptionFaults, WindowsBelongToTheirMetric) {
    expect_faults(run_with({"--farms-aspect", "2"}),
                  {"--farms-aspect has no effect with --metric alpha_peak | command line | leave "
                   "it out, or choose --metric alpha_peak_farms"});
    expect_faults(run_with({"--farms-aspect", "2", "--metric", "alpha-peak-farms"}), {});
    expect_faults(
        {"analyze", "--model=m", "--output=o", "--farms-aspect=0.5", "--metric=alpha_peak_farms"},
        {});
    expect_faults(run_with({"--metric=alpha_peak_farms", "--metric-cache=c.npy"}), {});
    expect_faults(
        run_with({"--metric=alpha_peak_farms", "--farms-aspect=2", "--metric-cache=c.npy"}),
        {"--farms-aspect has no effect with --metric-cache c.npy"});
    for (const char* aspect : {"0", "-1", "0.009", "101", "1e300"}) {
        expect_faults(run_with({"--metric=alpha_peak_farms", "--farms-aspect", aspect}),
                      {"--farms-aspect " + std::string(aspect) + " is not in [0.01, 100]"});
    }
    expect_faults(run_with({"--metric=alpha_peak_farms", "--farms-aspect=wide"}),
                  {"--farms-aspect 'wide' is not a number"});
}

TEST(OptionFaults, GroupsNeedAGroupSolver) {
    for (const char* solver : {"lapack", "lapack1", "lapack2"}) {
        expect_faults(run_with({"--solver", solver, "--group-ranks", "2"}),
                      {"--group-ranks has no effect with --solver " + std::string(solver)});
        expect_faults(run_with({"--solver", solver, "--group-ranks", "1"}), {});
    }
    expect_faults(run_with({"--group-ranks", "2"}), {});
    expect_faults(run_with({"--solver", "scalapack", "--group-ranks", "2"}), {});
}

}  // namespace
}  // namespace alphaprune::cli
