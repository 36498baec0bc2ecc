#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "alphaprune/report/comparison.hpp"
#include "report/sample_report.hpp"

namespace alphaprune::report {
namespace {

ReportOfRun run_named(const std::string& folder, const std::string& method, double ratio,
                      std::optional<double> perplexity, double dense = 20) {
    RunReport report = test::pruned_report();
    report.prune_method = method;
    report.sparsity_type = "unstructured";
    report.allocation->sparsity_ratio = ratio;
    if (perplexity) {
        report.perplexities = {{"texts/eval.npy", 128, 15, dense, *perplexity}};
    }
    return {folder, report};
}

TEST(LatexEscape, NothingIsLeftForTeX) {
    EXPECT_EQ(latex_escaped("a_b & 50 % of $x#{}"), "a\\_b \\& 50 \\% of \\$x\\#\\{\\}");
    EXPECT_EQ(latex_escaped("~^\\"), "\\textasciitilde{}\\textasciicircum{}\\textbackslash{}");
    EXPECT_EQ(latex_escaped("ε 0.2, 8 × 128"), "$\\varepsilon$ 0.2, 8 $\\times$ 128");
    EXPECT_EQ(latex_escaped("plain"), "plain");
}

TEST(Comparison, RowsAndColumnsOfAPaper) {
    const Comparison comparison =
        compare_runs({run_named("a", "wanda", 0.6, 31.456), run_named("b", "wanda", 0.5, 25.5),
                      run_named("c", "magnitude", 0.5, 1234.5)});
    ASSERT_EQ(comparison.models.size(), 1U);
    ASSERT_EQ(comparison.texts.size(), 1U);
    const auto series = series_of(comparison);
    ASSERT_EQ(series.size(), 2U);
    EXPECT_EQ(series[0].label(), "wanda, alphapruning");
    EXPECT_EQ(series[0].runs, (std::vector<std::size_t>{1, 0}));  // by ratio
    const std::string latex = comparison_latex(comparison);
    EXPECT_NE(latex.find("\\toprule"), std::string::npos);
    EXPECT_NE(latex.find("wanda & alphapruning & \\textbf{25.50} & \\textbf{31.46} \\\\"),
              std::string::npos)
        << latex;
    EXPECT_NE(latex.find("magnitude & alphapruning & 1234 & -- \\\\"), std::string::npos) << latex;
    EXPECT_NE(latex.find("dense: 20.00"), std::string::npos) << latex;
}

TEST(Comparison, OtherModelsAndTextsAreToldApart) {
    ReportOfRun other_text = run_named("d", "wanda", 0.5, 40.0);
    other_text.report.perplexities.front().seqlen = 64;
    ReportOfRun other_file = run_named("e", "wanda", 0.5, 40.0);
    other_file.report.perplexities.front().text = "others/eval.npy";
    ReportOfRun other_size = run_named("f", "wanda", 0.5, 25.0);
    other_size.report.prunable_parameters = 240;
    const Comparison comparison =
        compare_runs({run_named("a", "wanda", 0.5, 25.0), run_named("b", "wanda", 0.5, 22.0, 18),
                      other_text, other_file, other_size});
    ASSERT_EQ(comparison.models.size(), 3U);  // of one name; two of them of one size, too
    std::set<std::string> labels;
    for (const ComparedModel& model : comparison.models) {
        labels.insert(model.label);
    }
    EXPECT_EQ(labels.size(), 3U);
    ASSERT_EQ(comparison.texts.size(), 3U);
    labels.clear();
    for (const ComparedText& text : comparison.texts) {
        labels.insert(text.label);
    }
    EXPECT_EQ(labels.size(), 3U);
    EXPECT_EQ(comparison.runs[0].folder, "a");
    EXPECT_NE(comparison.runs[0].model, comparison.runs.back().model);
}

TEST(Comparison, RunsInOnePlaceAreToldApartByWhatTheyDifferIn) {
    ReportOfRun wide = run_named("b", "wanda", 0.5, 24.0);
    wide.report.allocation->epsilon = 0.1;
    ReportOfRun again = run_named("c", "wanda", 0.5, 24.0);
    const Comparison two = compare_runs({run_named("a", "wanda", 0.5, 25.0), wide});
    EXPECT_EQ(two.runs[0].setting, "ε 0.3");
    EXPECT_EQ(two.runs[1].setting, "ε 0.1");
    const Comparison same = compare_runs({run_named("a", "wanda", 0.5, 25.0), again});
    EXPECT_EQ(same.runs[0].setting, "a");
    EXPECT_EQ(same.runs[1].setting, "c");
    EXPECT_TRUE(compare_runs({wide}).runs[0].setting.empty());
    // Those of a sweep stay together, and other texts are no reason to tell runs apart.
    ReportOfRun elsewhere = run_named("t/c", "wanda", 0.5, 30.0);
    elsewhere.report.perplexities.front().windows = 7;
    const Comparison sweeps =
        compare_runs({run_named("s/a", "wanda", 0.5, 25.0), run_named("s/b", "wanda", 0.6, 30.0),
                      run_named("r/a", "wanda", 0.5, 26.0), elsewhere});
    const auto series = series_of(sweeps);
    ASSERT_EQ(series.size(), 3U);
    EXPECT_EQ(series[0].setting, "s");
    EXPECT_EQ(series[0].runs.size(), 2U);
    EXPECT_EQ(series[1].setting, "r");
    EXPECT_TRUE(series[2].setting.empty());
}

TEST(Comparison, WhatIsNoNumberIsNotPrinted) {
    const Comparison comparison = compare_runs(
        {run_named("a, \"b\"", "wanda", 0.5, INFINITY), run_named("c", "wanda", 0.6, {})});
    const std::string csv = comparison_csv(comparison);
    EXPECT_NE(
        csv.find("\"a, \"\"b\"\"\",toy,wanda,alphapruning,alpha_peak,0.3,unstructured,0.5,0.7,,"
                 "texts/eval.npy,128,15,20,,1.5,0,3\n"),
        std::string::npos)
        << csv;
    for (const std::string& text :
         {csv, comparison_latex(comparison), comparison_table(comparison),
          comparison_html(comparison, {}), comparison_json(comparison, {}).dump()}) {
        EXPECT_EQ(text.find("inf"), std::string::npos) << text;
        EXPECT_EQ(text.find("nan"), std::string::npos) << text;
    }
}

TEST(Comparison, ThePageIsWholeAndSafe) {
    const Comparison comparison =
        compare_runs({run_named("<a>", "wanda", 0.5, 25.0), run_named("b", "wanda", 0.6, 31.0)});
    const std::string page = comparison_html(comparison, {"<t>", {{"k&", "v"}}, {}});
    EXPECT_NE(page.find("<svg"), std::string::npos);
    // The axes are those of the report's charts.
    EXPECT_NE(page.find("rotate(-90)\">perplexity</text>"), std::string::npos);
    EXPECT_NE(page.find("&lt;a&gt;"), std::string::npos);
    EXPECT_NE(page.find("k&amp;"), std::string::npos);
    EXPECT_EQ(page.find("<a>"), std::string::npos);
    EXPECT_EQ(page.find("http"), std::string::npos);
    EXPECT_NE(page.find("dense: 20"), std::string::npos);
}

}  // namespace
}  // namespace alphaprune::report
