#include "alphaprune/report/run_report.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <random>
#include <sstream>

#include "alphaprune/support/file.hpp"
#include "report/sample_report.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::report {
namespace {

std::string page_of(const RunReport& report, const std::vector<SpectrumPicture>& pictures) {
    const test::TemporaryFolder folder;
    write_html_report(report, pictures, folder.path());
    return support::read_text(folder / "report.html");
}

std::size_t occurrences(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        ++count;
    }
    return count;
}

void expect_none_of(const std::string& page, const std::vector<std::string>& parts) {
    for (const std::string& part : parts) {
        EXPECT_EQ(page.find(part), std::string::npos) << part;
    }
}

/// What stands between the first `before` in the text and the first `after` behind it.
std::string between(const std::string& text, const std::string& before, const std::string& after) {
    const auto begin = text.find(before);
    if (begin == std::string::npos) {
        return {};
    }
    const auto from = begin + before.size();
    return text.substr(from, text.find(after, from) - from);
}

std::vector<double> power_law_spectrum(std::size_t n, unsigned seed) {
    std::mt19937 engine(seed);
    std::uniform_real_distribution<double> uniform(1e-9, 1);
    std::vector<double> values(n);
    for (double& value : values) {
        value = std::pow(uniform(engine), -0.5);
    }
    std::sort(values.begin(), values.end());
    return values;
}

TEST(SpectrumPicture, CountsEveryPositiveEigenvalueInItsBin) {
    const SpectrumPicture picture = picture_of({0, 0, 1, 10, 10, 99, 100}, 2);
    EXPECT_DOUBLE_EQ(picture.log10_min, 0);
    EXPECT_DOUBLE_EQ(picture.log10_max, 2);
    EXPECT_EQ(picture.counts, (std::vector<std::int64_t>{1, 4}));
}

TEST(SpectrumPicture, LosesNoEigenvalue) {
    const auto values = power_law_spectrum(1001, 1);
    const SpectrumPicture picture = picture_of(values, 60);
    ASSERT_EQ(picture.counts.size(), 60U);
    EXPECT_EQ(std::accumulate(picture.counts.begin(), picture.counts.end(), std::int64_t{0}), 1001);
    EXPECT_GE(picture.counts.front(), 1);
    EXPECT_GE(picture.counts.back(), 1);
}

TEST(SpectrumPicture, DegenerateSpectra) {
    EXPECT_TRUE(picture_of({}, 60).counts.empty());
    EXPECT_TRUE(picture_of({0, 0}, 60).counts.empty());
    const SpectrumPicture one = picture_of({3, 3, 3}, 10);
    EXPECT_LT(one.log10_min, std::log10(3));
    EXPECT_GT(one.log10_max, std::log10(3));
    EXPECT_EQ(std::accumulate(one.counts.begin(), one.counts.end(), 0), 3);
}

TEST(HtmlReport, IsSelfContainedAndComplete) {
    const std::string page = page_of(
        test::pruned_report(),
        {picture_of({1, 2, 3, 9}), picture_of({1, 2}), picture_of({1, 5}), picture_of({0, 0})});
    expect_none_of(page, {"<script", "<link", "http://", "https://", "url(", "@import"});
    EXPECT_NE(page.find("prefers-color-scheme: dark"), std::string::npos);
    EXPECT_EQ(occurrences(page, "<figure>"), 4U);
    EXPECT_EQ(occurrences(page, "no positive eigenvalue"), 1U);
    EXPECT_EQ(occurrences(page, "<rect class=\"bar\""), 2U);
    EXPECT_EQ(occurrences(page, "<circle"), 2U);
    EXPECT_NE(page.find("block 1: ratio 0.9000"), std::string::npos);
    EXPECT_NE(page.find("<td>b.1.k</td>"), std::string::npos);
    EXPECT_NE(page.find("block 1 is bounded"), std::string::npos);
    EXPECT_EQ(page.find("nan"), std::string::npos);
    EXPECT_EQ(page.find("inf\""), std::string::npos);
    for (const char* tag : {"table", "tr", "td", "th", "svg", "figure", "div", "body", "html"}) {
        const std::size_t opened = occurrences(page, fmt::format("<{}>", tag)) +
                                   occurrences(page, fmt::format("<{} ", tag));
        EXPECT_EQ(opened, occurrences(page, fmt::format("</{}>", tag))) << tag;
    }
}

TEST(HtmlReport, EscapesWhatComesFromOutside) {
    RunReport report = test::pruned_report();
    report.model_name = "<script>alert('x')</script>";
    report.matrices[0].name = "a<b>&\"c\"";
    report.notes = {"<i>"};
    report.command_line = {"--model=<b>"};
    report.family = report.hosts[0] = report.matrices[0].solver = "<u>";
    report.shown_metric = "<em>";
    const std::string page = page_of(report, {picture_of({1, 2})});
    expect_none_of(page, {"<script", "<i>", "<u>", "<em>", "<b>"});
    EXPECT_NE(page.find("a&lt;b&gt;&amp;&quot;c&quot;"), std::string::npos);
}

TEST(HtmlReport, WithoutSpectraOrAfterAnalyze) {
    RunReport uniform = test::pruned_report();
    for (MatrixReport& matrix : uniform.matrices) {
        matrix.has_metrics = false;
    }
    const std::string page = page_of(uniform, {});
    EXPECT_EQ(occurrences(page, "<circle"), 0U);
    EXPECT_EQ(occurrences(page, "<figure>"), 0U);
    EXPECT_EQ(occurrences(page, "<rect class=\"bar\""), 2U);
    const std::string analysed = page_of(test::analysed_report(), {});
    EXPECT_EQ(occurrences(analysed, "<rect class=\"bar\""), 0U);
    EXPECT_EQ(occurrences(analysed, "<circle"), 2U);
}

TEST(HtmlReport, AlsoForLargeModelsOfReasonableSize) {
    RunReport report = test::pruned_report();
    report.matrices.clear();
    std::vector<SpectrumPicture> pictures;
    for (int m = 0; m < 560; ++m) {
        const std::string name = fmt::format("model.layers.{}.self_attn.q_proj.weight", m);
        report.matrices.push_back(test::sample_matrix(name, m / 7, 8192, 28672, 3.14159));
        report.matrices.back().zeros = 164416716;
        report.matrices.back().sparsity_ratio = 0.7123456789;
        pictures.push_back(picture_of(power_law_spectrum(500, static_cast<unsigned>(m))));
    }
    EXPECT_LT(page_of(report, pictures).size(), 2'000'000U);
}

/// Five candidates, of which the first, the second and the last are better than all before.
RunReport searched_report() {
    RunReport report = test::pruned_report();
    report.search = {{"uniform", 50.0, true},
                     {"attention +0.06", 40.0, true},
                     {"slope <b>", INFINITY, false},
                     {"slope -0.06", 45.0, false},
                     {"first block +0.06", 30.0, true}};
    return report;
}

TEST(HtmlReport, ShowsWhatASearchTried) {
    const std::string page = page_of(searched_report(), {});
    const std::string part = between(page, "<h2>Search for ratios</h2>", "</svg>");
    ASSERT_EQ(occurrences(part, "<circle"), 5U);
    expect_none_of(part, {"nan", "inf", "<b>"});
    // The scale has a tenth of the range to spare on both sides: 28 is at y = 220, 52 at y = 16.
    const auto title_at = [&](const std::string& mark) {
        return between(part, "<circle " + mark + " r=\"3\"><title>", "</title>");
    };
    EXPECT_EQ(title_at(R"(class="dot" cx="110.4" cy="33.0")"),
              "candidate 1, uniform: perplexity 50, the best so far");
    EXPECT_EQ(title_at(R"(class="dot" cx="235.2" cy="118.0")"),
              "candidate 2, attention +0.06: perplexity 40, the best so far");
    EXPECT_EQ(title_at(R"(class="bar" cx="360.0" cy="16.0")"),
              "candidate 3, slope &lt;b&gt;: no finite perplexity");
    EXPECT_EQ(title_at(R"(class="bar" cx="484.8" cy="75.5")"),
              "candidate 4, slope -0.06: perplexity 45");
    EXPECT_EQ(title_at(R"(class="dot" cx="609.6" cy="203.0")"),
              "candidate 5, first block +0.06: perplexity 30, the best so far");
    EXPECT_EQ(between(part, "<path class=\"line\" d=\"", "\""),
              "M110.4 33.0H235.2V118.0H609.6V203.0H672");
    EXPECT_EQ(occurrences(part, ">5</text>"), 1U);
    EXPECT_EQ(occurrences(part, ">candidate</text>"), 1U);
}

TEST(HtmlReport, ShowsNoSearchWhereThereWasNone) {
    expect_none_of(page_of(test::pruned_report(), {}), {"Search for ratios"});
    RunReport hopeless = searched_report();
    for (SearchStepReport& step : hopeless.search) {
        step.perplexity = std::nan("");
    }
    expect_none_of(page_of(hopeless, {}), {"Search for ratios", "nan"});
}

/// Heights of the bins, read back from the histogram's outline.
std::vector<double> heights_of(const std::string& outline) {
    std::vector<double> heights;
    std::istringstream road(outline);
    double y = 90;
    char letter = 0;
    int number = 0;
    while (road >> letter >> number) {
        if (letter == 'V') {
            y = number;
        } else {
            heights.insert(heights.end(), static_cast<std::size_t>(number / 4), y);
        }
    }
    return heights;
}

/// The line of the fit must lie on the histogram it is fitted to: a spectrum drawn from a power law
/// of exponent 3 has counts that fall by 10^-2 a decade.
TEST(HtmlReport, TheFittedLineFollowsThePowerLaw) {
    RunReport report = test::analysed_report();
    report.matrices = {test::sample_matrix("m", 0, 4000, 4000, 3.0)};
    const std::string page = page_of(report, {picture_of(power_law_spectrum(4000, 7), 60)});
    const std::string figure = between(page, "<figure>", "</figure>");
    const auto heights = heights_of(between(figure, "class=\"bar\" d=\"M0 90", "z\""));
    ASSERT_EQ(heights.size(), 60U);
    double x0 = 0;
    double y0 = 0;
    double x1 = 0;
    double y1 = 0;
    const std::string line = between(figure, "class=\"line\" d=\"", "\"");
    ASSERT_EQ(std::sscanf(line.c_str(), "M%lf %lfL%lf %lf", &x0, &y0, &x1, &y1), 4) << line;
    EXPECT_NEAR(y1, 90, 0.1);  // half an eigenvalue: the ground
    int compared = 0;
    for (std::size_t bin = 0; bin < 60; ++bin) {
        const double x = 4.0 * static_cast<double>(bin) + 2;
        if (x > x0 && x < x0 + 0.5 * (x1 - x0)) {  // where bins hold enough to be steady
            EXPECT_NEAR(heights[bin], y0 + (y1 - y0) * (x - x0) / (x1 - x0), 5) << bin;
            ++compared;
        }
    }
    EXPECT_GE(compared, 10);
}

}  // namespace
}  // namespace alphaprune::report
