#include "alphaprune/spectrum/metrics.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <vector>

#include "spectrum/oracle.hpp"

namespace alphaprune::spectrum {
namespace {

constexpr Metric kAll[] = {
    Metric::alpha_peak,  Metric::alpha_mid,         Metric::alpha_fix_finger,
    Metric::alpha_ks,    Metric::spectral_norm,     Metric::frobenius_sq,
    Metric::stable_rank, Metric::alpha_hat,         Metric::entropy,
    Metric::log_norm,    Metric::log_spectral_norm, Metric::alpha_peak_farms,
};

/// Left edge of the fullest of 100 bins, by asking of every value which bin's edges hold it.
double plain_peak(std::span<const double> ascending) {
    const double least = std::log10(ascending.front());
    const double range = std::log10(ascending.back()) - least;
    std::vector<int> counts(100, 0);
    for (const double value : ascending) {
        int bin = 0;
        while (bin < 99 && (std::log10(value) - least) * 100 / range >= bin + 1) {
            ++bin;
        }
        ++counts[static_cast<std::size_t>(bin)];
    }
    const auto fullest = std::ranges::max_element(counts) - counts.begin();
    return std::pow(10.0, least + static_cast<double>(fullest) * range / 100);
}

TEST(Metrics, NamesAndMetricsMatchBothWays) {
    static_assert(std::size(kAll) == kMetrics);
    for (const Metric metric : kAll) {
        EXPECT_EQ(metric_named(name_of(metric)), metric);
    }
    EXPECT_EQ(name_of(Metric::alpha_fix_finger), "alpha_fix_finger");
    EXPECT_EQ(name_of(Metric::log_spectral_norm), "log_spectral_norm");
    EXPECT_EQ(metric_named("alpha"), std::nullopt);
    EXPECT_EQ(metric_named(""), std::nullopt);
}

TEST(Metrics, ExponentsAgreeWithTheDoubleLoop) {
    int told_apart = 0;  // spectra where the published bound and the intended one differ
    for (unsigned seed = 0; seed < 20; ++seed) {
        // Scales on both sides of 1, where the published bound works differently.
        auto values = test::random_spectrum(60 + 13 * seed, seed, 0.5 + 0.2 * seed);
        const double scale = std::pow(10.0, static_cast<double>(seed % 5) - 2);
        for (double& value : values) {
            value *= scale;
        }
        const ShapeMetrics metrics = shape_metrics(values);
        const double peak = plain_peak(values);
        const auto expect = [&](Metric metric, double alpha) {
            EXPECT_NEAR(metrics[metric], alpha, 1e-10 * alpha) << name_of(metric) << " " << seed;
        };
        expect(Metric::alpha_mid, test::plain_hill(values, values.size() / 2));
        expect(Metric::alpha_ks, test::plain_best(values, values.front(), values.back()).alpha);
        const auto published = test::plain_best(values, std::log10(0.95 * peak), 1.5 * peak);
        const auto intended = test::plain_best(values, 0.95 * peak, 1.5 * peak);
        expect(Metric::alpha_peak, published.alpha);
        expect(Metric::alpha_fix_finger, intended.alpha);
        EXPECT_EQ(alpha_peak(values), metrics[Metric::alpha_peak]);
        EXPECT_DOUBLE_EQ(metrics[Metric::alpha_hat],
                         metrics[Metric::alpha_peak] * std::log10(values.back()));
        told_apart += published.start != intended.start;
    }
    EXPECT_GE(told_apart, 3);
}

/// Where the tail begins and how far it is from the law, too.
TEST(Metrics, FitsAreThoseOfTheDoubleLoop) {
    for (unsigned seed = 0; seed < 10; ++seed) {
        const auto values = test::random_spectrum(61 + 13 * seed, seed, 0.5 + 0.2 * seed);
        const double peak = plain_peak(values);
        const ShapeMetrics metrics = shape_metrics(values);
        const auto expect = [&](Metric metric, const test::PlainFit& plain) {
            const auto fit = fit_of(metric, values);
            ASSERT_TRUE(fit) << name_of(metric) << " " << seed;
            EXPECT_TRUE(has_fit(metric));
            EXPECT_EQ(fit->start, plain.start) << name_of(metric) << " " << seed;
            EXPECT_EQ(fit->alpha, metrics[metric]);
            EXPECT_NEAR(fit->distance, plain.distance, 1e-10);
        };
        const std::size_t middle = values.size() / 2;
        const double alpha = test::plain_hill(values, middle);
        expect(Metric::alpha_mid, {middle, alpha, test::plain_distance(values, middle, alpha)});
        expect(Metric::alpha_ks, test::plain_best(values, values.front(), values.back()));
        expect(Metric::alpha_peak, test::plain_best(values, std::log10(0.95 * peak), 1.5 * peak));
        expect(Metric::alpha_fix_finger, test::plain_best(values, 0.95 * peak, 1.5 * peak));
        EXPECT_FALSE(fit_of(Metric::entropy, values));
        EXPECT_FALSE(has_fit(Metric::entropy));
    }
    EXPECT_FALSE(fit_of(Metric::alpha_mid, std::vector<double>{}));
    EXPECT_FALSE(fit_of(Metric::alpha_mid, std::vector<double>{2}));
    EXPECT_FALSE(fit_of(Metric::alpha_peak, std::vector<double>{0, 0}));
}

TEST(Metrics, NormsAndEntropyAreWhatOneCanWorkOutByHand) {
    const ShapeMetrics metrics = shape_metrics(std::vector<double>{10, 10, 20, 60});
    EXPECT_DOUBLE_EQ(metrics[Metric::spectral_norm], 60);
    EXPECT_DOUBLE_EQ(metrics[Metric::frobenius_sq], 100);
    EXPECT_DOUBLE_EQ(metrics[Metric::stable_rank], 100.0 / 60);
    EXPECT_DOUBLE_EQ(metrics[Metric::log_norm], 2);
    EXPECT_DOUBLE_EQ(metrics[Metric::log_spectral_norm], std::log10(60.0));
    const double entropy = -(0.2 * std::log(0.1) + 0.2 * std::log(0.2) + 0.6 * std::log(0.6));
    EXPECT_NEAR(metrics[Metric::entropy], entropy / std::log(4.0), 1e-15);
    EXPECT_NEAR(metrics[Metric::alpha_mid], 1 + 2 / std::log(3.0), 1e-14);
}

TEST(Metrics, AConstantSpectrumHasNormsButNoExponent) {
    const ShapeMetrics metrics = shape_metrics(std::vector<double>{4, 4, 4, 4});
    for (const Metric metric : {Metric::alpha_mid, Metric::alpha_peak, Metric::alpha_fix_finger,
                                Metric::alpha_ks, Metric::alpha_hat}) {
        EXPECT_TRUE(std::isnan(metrics[metric])) << name_of(metric);
    }
    EXPECT_NEAR(metrics[Metric::entropy], 1, 1e-15);
    EXPECT_EQ(metrics[Metric::stable_rank], 4);
}

TEST(Metrics, AllZeroAndEmptySpectraAreUndefined) {
    const ShapeMetrics zero = shape_metrics(std::vector<double>{0, 0, 0});
    const ShapeMetrics empty = shape_metrics({});
    for (const Metric metric : kAll) {
        const bool norm = metric == Metric::spectral_norm || metric == Metric::frobenius_sq;
        EXPECT_TRUE(norm ? zero[metric] == 0 : std::isnan(zero[metric])) << name_of(metric);
        EXPECT_TRUE(std::isnan(empty[metric])) << name_of(metric);
    }
}

TEST(Metrics, OneEigenvalueHasNormsOnly) {
    const ShapeMetrics metrics = shape_metrics(std::vector<double>{3});
    EXPECT_EQ(metrics[Metric::spectral_norm], 3);
    EXPECT_EQ(metrics[Metric::stable_rank], 1);
    EXPECT_TRUE(std::isnan(metrics[Metric::entropy]));
    EXPECT_TRUE(std::isnan(metrics[Metric::alpha_mid]));
    EXPECT_TRUE(std::isnan(metrics[Metric::alpha_peak]));
}

TEST(Metrics, ZeroEigenvaluesDoNotEnterHistogramOrCandidates) {
    const auto positive = test::random_spectrum(80, 5, 1);
    std::vector<double> deficient(40, 0.0);
    deficient.insert(deficient.end(), positive.begin(), positive.end());
    const ShapeMetrics with = shape_metrics(deficient);
    const ShapeMetrics without = shape_metrics(positive);
    for (const Metric metric : {Metric::alpha_peak, Metric::alpha_fix_finger, Metric::alpha_ks,
                                Metric::frobenius_sq, Metric::alpha_hat}) {
        EXPECT_EQ(with[metric], without[metric]) << name_of(metric);
    }
    // N counts all eigenvalues: index 60 of 120 is index 20 of the positive ones.
    EXPECT_NEAR(with[Metric::alpha_mid], test::plain_hill(positive, 20), 1e-12);
    std::vector<double> mostly_zero(120, 0.0);
    mostly_zero.insert(mostly_zero.end(), positive.begin(), positive.end());
    EXPECT_TRUE(std::isnan(shape_metrics(mostly_zero)[Metric::alpha_mid]));
    EXPECT_EQ(shape_metrics(mostly_zero)[Metric::alpha_peak], without[Metric::alpha_peak]);
}

TEST(Metrics, GiveTheSameBitsEachTime) {
    const auto values = test::random_spectrum(500, 11, 2);
    const ShapeMetrics first = shape_metrics(values);
    const ShapeMetrics second = shape_metrics(values);
    for (const Metric metric : kAll) {
        EXPECT_EQ(std::bit_cast<std::uint64_t>(first[metric]),
                  std::bit_cast<std::uint64_t>(second[metric]));
    }
}

TEST(Rounded, KeepsTenSignificantDigits) {
    EXPECT_EQ(rounded(1.23456789012345), 1.234567890);
    EXPECT_EQ(rounded(-9.9999999999e-7), -1e-6);
    EXPECT_EQ(rounded(123456789012345.0), 123456789000000.0);
    EXPECT_EQ(rounded(0.1), 0.1);
    EXPECT_EQ(rounded(0.0), 0.0);
    EXPECT_TRUE(std::isnan(rounded(std::nan(""))));
    EXPECT_TRUE(std::isinf(rounded(HUGE_VAL)));
    constexpr double kLargest = std::numeric_limits<double>::max();
    EXPECT_EQ(rounded(kLargest), kLargest);
    EXPECT_EQ(rounded(1.5857582362912950), rounded(1.5857582362912999));
    EXPECT_EQ(rounded(rounded(M_PI)), rounded(M_PI));
}

}  // namespace
}  // namespace alphaprune::spectrum
