#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <random>
#include <sstream>

#include "alphaprune/report/run_report.hpp"
#include "page/page_parts.hpp"
#include "report/page_text.hpp"

namespace alphaprune::report {
namespace {

/// Ascending values of density 2·λ^−3 from 1 on.
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

TEST(Law, IsTheFitOfItsMetric) {
    const auto values = power_law_spectrum(2000, 3);
    const auto law = law_of(values, spectrum::Metric::alpha_mid);
    ASSERT_TRUE(law);
    EXPECT_EQ(law->metric, "alpha_mid");
    EXPECT_EQ(law->tail, 1000);
    EXPECT_NEAR(law->lambda_min, values[1000], 1e-9 * values[1000]);
    EXPECT_NEAR(law->alpha, 3, 0.2);  // Hill's estimate from 1000 values: within 0.063 mostly
    EXPECT_GT(law->distance, 0);
    EXPECT_LT(law->distance, 0.06);
    EXPECT_FALSE(law_of(std::vector<double>{0, 0}, spectrum::Metric::alpha_mid));
}

TEST(Law, IsThatOfAnotherMetricWhereTheShownOneIsNone) {
    using spectrum::Metric;
    EXPECT_EQ(fitted_metric(Metric::alpha_ks, false), Metric::alpha_ks);
    EXPECT_EQ(fitted_metric(Metric::alpha_peak_farms, false), Metric::alpha_peak);
    EXPECT_EQ(fitted_metric(Metric::stable_rank, false), Metric::alpha_peak);
    EXPECT_EQ(fitted_metric(Metric::alpha_peak, true), Metric::alpha_mid);
}

/// Heights of the bins in pixels, read back from the outline of the histogram.
std::vector<double> heights_of(const std::string& outline) {
    std::vector<double> heights;
    std::istringstream road(outline);
    double height = 0;
    double number = 0;
    for (char letter = 0; road >> letter >> number;) {
        if (letter == 'V') {
            height = number;
        } else if (letter == 'H') {
            heights.push_back(height);
        }
    }
    return heights;
}

/// The line of the law must lie on the histogram it is fitted to, and begin at its λ_min.
TEST(SpectrumChart, TheLineFollowsTheHistogram) {
    const auto values = power_law_spectrum(4000, 7);
    const SpectrumPicture picture = picture_of(values, 60);
    const auto law = law_of(values, spectrum::Metric::alpha_mid);
    ASSERT_TRUE(law);
    const std::string chart = spectrum_chart(picture, 4000, law, "m");
    const auto heights = heights_of(test::between(chart, "class=\"area\" d=\"M52 208", "z\""));
    ASSERT_EQ(heights.size(), 60U);
    double x0 = 0;
    double y0 = 0;
    double x1 = 0;
    double y1 = 0;
    const std::string line = test::between(chart, "class=\"line\" d=\"", "\"");
    ASSERT_EQ(std::sscanf(line.c_str(), "M%lf %lfL%lf %lf", &x0, &y0, &x1, &y1), 4) << line;
    const double decades = picture.log10_max - picture.log10_min;
    const double expected_start =
        52 + (328 - 52) * (std::log10(law->lambda_min) - picture.log10_min) / decades;
    EXPECT_NEAR(x0, expected_start, 0.1);
    int compared = 0;
    for (std::size_t bin = 0; bin < 60; ++bin) {
        const double x = 52 + (328 - 52) * (static_cast<double>(bin) + 0.5) / 60;
        if (x > x0 && x < x0 + 0.4 * (x1 - x0)) {  // where bins hold enough to be steady
            EXPECT_NEAR(heights[bin], y0 + (y1 - y0) * (x - x0) / (x1 - x0), 6) << bin;
            ++compared;
        }
    }
    EXPECT_GE(compared, 10);
}

/// Both axes have numbers at powers of ten and say what they show.
TEST(SpectrumChart, HasAxes) {
    const SpectrumPicture picture{-3, 2, std::vector<std::int64_t>(10, 5)};
    const std::string chart = spectrum_chart(picture, 50, std::nullopt, "a<b");
    EXPECT_NE(chart.find(">10⁻³</text>"), std::string::npos);
    EXPECT_NE(chart.find(">10²</text>"), std::string::npos);
    EXPECT_NE(chart.find("eigenvalue λ (squared singular value)</text>"), std::string::npos);
    EXPECT_NE(chart.find("density p(λ)</text>"), std::string::npos);
    EXPECT_NE(chart.find("aria-label=\"Spectrum of a&lt;b\""), std::string::npos);
    EXPECT_EQ(chart.find("class=\"line\""), std::string::npos);
    EXPECT_EQ(spectrum_chart({}, 50, std::nullopt, "m"), "");
    EXPECT_EQ(spectrum_chart({0, 1, {0, 0}}, 50, std::nullopt, "m"), "");
}

TEST(SpectrumChart, DrawsNoLawThatIsNone) {
    const SpectrumPicture picture{-3, 2, std::vector<std::int64_t>(10, 5)};
    for (const LawReport& law :
         {LawReport{"alpha_mid", 0.5, 1, 25, 0}, LawReport{"alpha_mid", 2, 0, 25, 0},
          LawReport{"alpha_mid", 2, 1, 0, 0}, LawReport{"alpha_mid", INFINITY, 1, 25, 0}}) {
        EXPECT_EQ(spectrum_chart(picture, 50, law, "m").find("class=\"line\""), std::string::npos);
    }
}

}  // namespace
}  // namespace alphaprune::report
