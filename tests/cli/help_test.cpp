#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sstream>

#include "alphaprune/cli/options.hpp"
#include "alphaprune/cli/version.hpp"

namespace alphaprune::cli {
namespace {

TEST(Help, NamesEveryOptionOfThisVersion) {
    const std::string help = help_text();
    for (const char* option :
         {"--model MODEL",       "--output DIR",    "--overwrite",        "--sparsity-ratio S",
          "--prune-method",      "--sparsity-type", "--metric NAME",      "--allocation",
          "--mapping-type",      "--epsilon",       "--max-sparsity",     "--ties",
          "--metric-cache FILE", "--format",        "--storage",          "--solver",
          "--group-ranks N",     "--precision",     "--log-level",        "--config FILE",
          "--version",           "--help",          "--calibration FILE", "--nsamples N",
          "--seqlen T",          "--seed N",        "--eval FILE"}) {
        EXPECT_NE(help.find(std::string("  ") + option), std::string::npos) << option;
    }
    for (const char* word :
         {"run", "analyze", "plan", "verify", "evaluate", "export", "Exit status", "Examples",
          "share of weights that become zero", "ALPHAPRUNE_SPARSITY_RATIO", "--owl-lambda L",
          "--owl-m M", "75 stopped early"}) {
        EXPECT_NE(help.find(word), std::string::npos) << word;
    }
}

TEST(Help, ShowsTheDefaultsInForce) {
    const std::string help = help_text();
    const Options defaults;
    EXPECT_NE(help.find(fmt::format("(default {})", defaults.ratios.epsilon)), std::string::npos);
    EXPECT_NE(help.find(fmt::format("(default {})", defaults.ratios.max_sparsity)),
              std::string::npos);
    EXPECT_NE(help.find(fmt::format("(default {})", spectrum::name_of(defaults.metric))),
              std::string::npos);
}

TEST(Help, FitsATerminal) {
    std::istringstream lines(help_text());
    for (std::string line; std::getline(lines, line);) {
        EXPECT_LE(line.size(), 100U) << line;
        EXPECT_FALSE(line.ends_with(' ')) << line;
    }
}

TEST(Version, NamesProgramCommitAndLibraries) {
    const std::string text = version_text();
    EXPECT_TRUE(text.starts_with(
        fmt::format("alphaprune_mpi {} ({})\n", program_version(), program_commit())))
        << text;
    EXPECT_FALSE(program_commit().empty());
    for (const char* library : {"MPI 3", "HDF5 1.", "ELPA 20", "ScaLAPACK"}) {
        EXPECT_NE(text.find(library), std::string::npos) << text;
    }
}

}  // namespace
}  // namespace alphaprune::cli
