#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "alphaprune/formats/npy.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"
#include "report/sample_report.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::report {
namespace {

std::vector<std::string> lines_of(const std::filesystem::path& path) {
    std::istringstream text(support::read_text(path));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) {
        lines.push_back(line);
    }
    return lines;
}

TEST(MatricesCsv, OneLineAMatrixInOrder) {
    const test::TemporaryFolder folder;
    write_matrices_csv(test::pruned_report(), folder.path());
    const auto lines = lines_of(folder / "matrices.csv");
    ASSERT_EQ(lines.size(), 5U);
    EXPECT_EQ(lines[0],
              "name,block,rows,cols,alpha_peak,alpha_mid,alpha_fix_finger,alpha_ks,spectral_norm,"
              "frobenius_sq,stable_rank,alpha_hat,entropy,log_norm,log_spectral_norm,"
              "alpha_peak_farms,sparsity_ratio,zeros,sparsity,solver,group_ranks,seconds,"
              "iterations,relative_error");
    EXPECT_EQ(lines[1], "b.0.q,0,4,10,2,2,2,2,2,2,2,2,2,2,2,2,0.5,20,0.5,lapack2,1,0.125,,");
    EXPECT_EQ(lines[4], "b.1.k,1,2,10,,,,,,,,,,,,,0.9,18,0.9,lapack2,1,0.125,,");
}

TEST(MatricesCsv, AfterAnalyzeThePruningCellsAreEmpty) {
    const test::TemporaryFolder folder;
    write_matrices_csv(test::analysed_report(), folder.path());
    EXPECT_EQ(lines_of(folder / "matrices.csv")[1],
              "b.0.q,0,4,10,2,2,2,2,2,2,2,2,2,2,2,2,,,,lapack2,1,0.125,,");
}

TEST(MatricesCsv, QuotesNamesThatHoldSeparators) {
    const test::TemporaryFolder folder;
    RunReport report = test::pruned_report();
    report.matrices[0].name = "odd,\"name\"";
    write_matrices_csv(report, folder.path());
    EXPECT_TRUE(lines_of(folder / "matrices.csv")[1].starts_with("\"odd,\"\"name\"\"\",0,4,10,"));
}

TEST(MetricFiles, HoldOneValueAMatrix) {
    const test::TemporaryFolder folder;
    RunReport report = test::pruned_report();
    report.matrices[1].metrics[spectrum::Metric::entropy] = 0.1 + 0.2;
    write_metric_files(report, folder.path());
    const auto written = formats::read_npy_numbers(folder / "metrics/entropy.npy");
    EXPECT_EQ(written.shape, std::vector<std::int64_t>{4});
    EXPECT_EQ(written.values[0], 2.0);
    EXPECT_EQ(written.values[1], 0.1 + 0.2);
    EXPECT_EQ(written.values[2], 5.0);
    EXPECT_TRUE(std::isnan(written.values[3]));
    for (std::size_t m = 0; m < spectrum::kMetrics; ++m) {
        const std::string name(spectrum::name_of(static_cast<spectrum::Metric>(m)));
        EXPECT_TRUE(std::filesystem::exists(folder / ("metrics/" + name + ".npy"))) << name;
    }
}

TEST(MetricFiles, OnlyKnownMetricsAreWritten) {
    const test::TemporaryFolder folder;
    RunReport report = test::pruned_report();
    for (MatrixReport& matrix : report.matrices) {
        matrix.metrics.values.fill(std::nan(""));
        matrix.metrics[spectrum::Metric::alpha_mid] = 3;
    }
    write_metric_files(report, folder.path());
    const auto entries = std::filesystem::directory_iterator(folder / "metrics");
    EXPECT_EQ(std::distance(begin(entries), end(entries)), 1);
    EXPECT_TRUE(std::filesystem::exists(folder / "metrics/alpha_mid.npy"));
}

TEST(MetricFiles, AnUnusableFolderIsNamed) {
    const test::TemporaryFolder folder;
    support::write_text_atomically(folder / "metrics", "in the way");
    try {
        write_metric_files(test::pruned_report(), folder.path());
        ADD_FAILURE() << "no error";
    } catch (const support::Error& error) {
        EXPECT_NE(std::string(error.what()).find((folder / "metrics").string()), std::string::npos);
    }
}

}  // namespace
}  // namespace alphaprune::report
