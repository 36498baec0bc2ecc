#include <gtest/gtest.h>

#include "report/sample_report.hpp"

namespace alphaprune::report {
namespace {

TEST(BlockTable, ShowsBlocksAndTheWholeModel) {
    // Block 1 has one matrix without a metric: the mean is the other's. Whole model: (2+4+5)/3.
    EXPECT_EQ(block_table(test::pruned_report()),
              "block  mean alpha_peak  ratio asked  sparsity  zeros  weights\n"
              "    0            3.000       0.5000    0.5000     30       60\n"
              "    1            5.000       0.9000    0.9000     54       60\n"
              "  all            3.667       0.7000    0.7000     84      120\n");
}

TEST(BlockTable, AfterAnalyzeSpeaksOfMetricsAlone) {
    RunReport report = test::analysed_report();
    report.shown_metric = "alpha_mid";
    EXPECT_EQ(block_table(report),
              "block  mean alpha_mid  weights\n"
              "    0           3.000       60\n"
              "    1           5.000       60\n"
              "  all           3.667      120\n");
}

TEST(BlockTable, AskedRatioIsWeightedBySize) {
    RunReport report = test::pruned_report();
    report.matrices[0].sparsity_ratio = 0.2;  // 40 weights; the other has 20 at 0.5
    EXPECT_NE(block_table(report).find("0.3000    0.5000"), std::string::npos);
}

TEST(BlockTable, LargeNumbersStayReadable) {
    RunReport report = test::pruned_report();
    report.matrices = {report.matrices[0]};
    report.matrices[0].rows = 4096;
    report.matrices[0].cols = 11008;
    report.matrices[0].zeros = 31561523;
    report.matrices[0].metrics[spectrum::Metric::alpha_peak] = 1234567.0;
    const std::string table = block_table(report);
    EXPECT_NE(table.find("31,561,523"), std::string::npos) << table;
    EXPECT_NE(table.find("45,088,768"), std::string::npos) << table;
    EXPECT_NE(table.find("1.235e+06"), std::string::npos) << table;
}

TEST(BlockTable, ABlockWithoutAnyMetricHasADash) {
    RunReport report = test::analysed_report();
    report.matrices[2].has_metrics = false;
    EXPECT_NE(block_table(report).find("    1                -       60\n"), std::string::npos)
        << block_table(report);
}

}  // namespace
}  // namespace alphaprune::report
