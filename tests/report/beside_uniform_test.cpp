#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "page/page_parts.hpp"
#include "report/sample_report.hpp"

namespace alphaprune::report {
namespace {

std::string command_for(RunReport report, std::vector<std::string> words) {
    report.command_line = std::move(words);
    return fmt::format("{}", fmt::join(uniform_command(report), " "));
}

TEST(BesideUniform, TheCommandKeepsWhatUniformRatiosTake) {
    EXPECT_EQ(command_for(test::pruned_report(),
                          {"alphaprune_mpi", "--model", "m", "--sparsity-ratio", "0.7", "--metric",
                           "alpha_mid", "--epsilon=0.2", "--mapping_type", "block_wise", "--output",
                           "out/", "--overwrite", "--threads-per-rank", "2"}),
              "mpirun -n 3 alphaprune_mpi --model m --sparsity-ratio 0.7 --threads-per-rank 2 "
              "--allocation uniform --output out-uniform");
    EXPECT_EQ(command_for(test::pruned_report(),
                          {"alphaprune_mpi", "--model=m", "--allocation=file:r.csv", "--output=o"}),
              "mpirun -n 3 alphaprune_mpi --model=m --sparsity-ratio 0.7 --allocation uniform "
              "--output o-uniform");
}

TEST(BesideUniform, TheCommandLeavesOutWhatTheAllocationAloneLookedAt) {
    RunReport report = test::pruned_report();
    report.allocation->own_options = {{"owl-lambda", "λ", 0.08}};
    const std::vector<std::string> words{
        "alphaprune_mpi", "--allocation", "owl",          "--owl-lambda", "0.1",
        "--calibration",  "c.npy",        "--nsamples=8", "--output",     "o"};
    EXPECT_EQ(command_for(report, words),
              "mpirun -n 3 alphaprune_mpi --sparsity-ratio 0.7 --allocation uniform --output "
              "o-uniform");
    report.prune_method = "wanda";
    EXPECT_EQ(command_for(report, words),
              "mpirun -n 3 alphaprune_mpi --calibration c.npy --nsamples=8 --sparsity-ratio 0.7 "
              "--allocation uniform --output o-uniform");
}

TEST(BesideUniform, SaysWhatIsKnown) {
    RunReport report = test::pruned_report();
    EXPECT_NE(beside_uniform(report).find("were <b>not run</b>"), std::string::npos);
    report.search = {{"uniform", 50.0, true}, {"a", 40.0, true}, {"b", 45.0, false}};
    EXPECT_NE(beside_uniform(report).find("is <b>50</b>, that of the best of all 3 candidates 40 "
                                          "(−20.0 %)"),
              std::string::npos);
    report.search = {};
    report.allocation->name = "uniform";
    EXPECT_NE(beside_uniform(report).find("<b>are</b> uniform ratios: 0.7"), std::string::npos);
    report.allocation->name = "alphapruning";
    report.sparsity_type = "2:4";
    EXPECT_NE(beside_uniform(report).find("<b>are</b> uniform"), std::string::npos);
    report.sparsity_type = "mixed-N:8";
    EXPECT_NE(beside_uniform(report).find("<b>not run</b>"), std::string::npos);
    EXPECT_EQ(beside_uniform(test::analysed_report()), "");
}

}  // namespace
}  // namespace alphaprune::report
