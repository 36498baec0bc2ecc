#include "alphaprune/spectrum/power_law.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "spectrum/oracle.hpp"
#include "tail_deviation.hpp"

namespace alphaprune::spectrum {
namespace {

/// Quantiles of a Pareto distribution with this exponent, from 1 on.
std::vector<double> power_law(std::size_t size, double alpha) {
    std::vector<double> values;
    for (std::size_t i = 0; i < size; ++i) {
        const double share = static_cast<double>(i) / static_cast<double>(size);
        values.push_back(std::pow(1 - share, -1 / (alpha - 1)));
    }
    return values;
}

std::vector<double> logarithms(std::span<const double> values) {
    std::vector<double> logs;
    std::ranges::transform(values, std::back_inserter(logs),
                           [](double value) { return std::log(value); });
    return logs;
}

/// The largest deviation of a tail, with no place passed over.
double distance_of_all(std::span<const double> values, std::size_t start, double alpha) {
    const std::vector<double> logs = logarithms(values);
    const TailDeviation tail(logs, start, alpha);
    double largest = 0;
    for (std::size_t place = start; place < values.size(); ++place) {
        largest = std::max(largest, tail.at(place));
    }
    return largest;
}

TEST(Hill, IsWhatOneCanWorkOutByHand) {
    const std::vector<double> values{1, std::exp(1.0), std::exp(2.0), std::exp(6.0)};
    EXPECT_NEAR(TailFits(values).alpha(0), 1 + 4.0 / 9, 1e-15);
    EXPECT_NEAR(TailFits(values).alpha(2), 1 + 2.0 / 4, 1e-15);
}

TEST(Hill, FindsTheExponentOfAPowerLaw) {
    EXPECT_NEAR(TailFits(power_law(100'000, 2.5)).alpha(0), 2.5, 1e-3);
    EXPECT_NEAR(TailFits(power_law(100'000, 4.0)).alpha(50'000), 4.0, 1e-3);
}

TEST(Hill, LosesNothingInATailThatHardlyRises) {
    // ln λ_j = 20 + j·1e-9: the sum of the logarithms is 1e10 times what remains of it.
    std::vector<double> values;
    for (int j = 0; j < 1000; ++j) {
        values.push_back(std::exp(20.0) * (1 + j * 1e-9));
    }
    EXPECT_NEAR(TailFits(values).alpha(0) * (999.0 / 2 * 1e-9), 1.0, 1e-5);
}

TEST(Hill, IsUndefinedWithoutARisingPositiveTail) {
    EXPECT_TRUE(std::isnan(TailFits(std::vector<double>{2, 2, 2}).alpha(0)));
    EXPECT_TRUE(std::isnan(TailFits(std::vector<double>{1, 2}).alpha(1)));
    EXPECT_TRUE(std::isnan(TailFits(std::vector<double>{0, 1, 2}).alpha(0)));
    EXPECT_TRUE(std::isnan(TailFits(std::vector<double>{1, 2}).alpha(2)));
    EXPECT_TRUE(std::isnan(TailFits({}).alpha(0)));
}

TEST(Distance, AgreesWithThePlainFormula) {
    const auto values = test::random_spectrum(300, 7, 1.5);
    for (const std::size_t start : {0U, 1U, 150U, 298U, 299U}) {
        for (const double alpha : {1.1, 2.0, 6.5}) {
            const double all = distance_of_all(values, start, alpha);
            EXPECT_NEAR(all, test::plain_distance(values, start, alpha), 1e-13);
            std::vector<TailDeviation::Stretch> pending;
            const std::vector<double> logs = logarithms(values);
            EXPECT_EQ(TailDeviation(logs, start, alpha)
                          .largest(std::numeric_limits<double>::infinity(), pending)
                          .deviation,
                      all);
        }
    }
}

TEST(BestFit, AgreesWithTheDoubleLoop) {
    for (const std::size_t size : {2U, 3U, 17U, 128U, 129U, 300U, 517U}) {
        for (unsigned seed = 0; seed < 6; ++seed) {
            const auto values = test::random_spectrum(size, seed, 0.3 + seed);
            const auto fit = TailFits(values).best(0, values.size());
            const auto plain = test::plain_best(values, values.front(), values.back());
            ASSERT_TRUE(fit.has_value());
            EXPECT_EQ(fit->start, plain.start) << size << " values, seed " << seed;
            EXPECT_NEAR(fit->alpha, plain.alpha, 1e-11 * plain.alpha);
            EXPECT_NEAR(fit->distance, plain.distance, 1e-12);
        }
    }
}

/// What TailFits::best promises, with nothing passed over: every candidate, every value of its
/// tail.
std::optional<PowerLawFit> plain_scan(std::span<const double> values, std::size_t first,
                                      std::size_t last) {
    std::optional<PowerLawFit> best;
    for (std::size_t start = first; start < last; ++start) {
        const double alpha = TailFits(values.subspan(start)).alpha(0);  // of its tail alone
        if (std::isfinite(alpha) && alpha > 1) {
            const double distance = distance_of_all(values, start, alpha);
            if (!best || distance < best->distance) {
                best = {start, alpha, distance};
            }
        }
    }
    return best;
}

void expect_same_bits(std::span<const double> values, std::size_t first, std::size_t last,
                      const std::string& what) {
    const auto fit = TailFits(values).best(first, last);
    const auto plain = plain_scan(values, first, last);
    ASSERT_EQ(fit.has_value(), plain.has_value()) << what;
    if (fit) {
        EXPECT_EQ(fit->start, plain->start) << what;
        EXPECT_EQ(fit->alpha, plain->alpha) << what;
        EXPECT_EQ(fit->distance, plain->distance) << what;
    }
}

TEST(BestFit, PassesOverNothingThatMatters) {
    for (const std::size_t size : {2U, 5U, 33U, 130U, 515U, 1200U}) {
        for (unsigned seed = 0; seed < 4; ++seed) {
            const auto spread = test::random_spectrum(size, seed, 1.0 + seed);
            expect_same_bits(spread, 0, size, fmt::format("{} drawn, seed {}", size, seed));
            expect_same_bits(spread, size / 3, size - size / 4, "some of the starts");
            auto repeated = spread;  // the same value many times over, as in overlapping windows
            for (std::size_t i = 0; i < size; ++i) {
                repeated[i] = spread[i / 7 * 7];
            }
            expect_same_bits(repeated, 0, size, fmt::format("{} repeated, seed {}", size, seed));
        }
        // Distances that hardly differ from start to start, and deviations that hardly differ from
        // place to place.
        expect_same_bits(power_law(size, 2.5), 0, size, fmt::format("{} quantiles", size));
        std::vector<double> geometric;
        std::vector<double> nearly_equal;
        for (std::size_t i = 0; i < size; ++i) {
            geometric.push_back(std::pow(1.01, static_cast<double>(i)));
            nearly_equal.push_back(1e6 + static_cast<double>(i) * 1e-9);
        }
        expect_same_bits(geometric, 0, size, fmt::format("{} geometric", size));
        expect_same_bits(nearly_equal, 0, size, fmt::format("{} nearly equal", size));
    }
}

TEST(BestFit, StaysInsideItsCandidates) {
    const auto values = test::random_spectrum(200, 3, 2);
    const auto fit = TailFits(values).best(20, 30);
    const auto plain = test::plain_best(values, values[20], values[29]);
    ASSERT_TRUE(fit.has_value());
    EXPECT_EQ(fit->start, plain.start);
    EXPECT_EQ(TailFits(values).best(30, 30), std::nullopt);
}

TEST(BestFit, TakesTheFirstOfEqualDistances) {
    // Any tail of two different values has the same fit: alpha 1 + 2 / ln 4, distance 1/2 − 0.
    const std::vector<double> values{1, 1, 4};
    const double from_first = distance_of_all(values, 0, TailFits(values).alpha(0));
    const double from_second = distance_of_all(values, 1, TailFits(values).alpha(1));
    const auto fit = TailFits(values).best(0, 3);
    ASSERT_TRUE(fit.has_value());
    EXPECT_EQ(fit->start, from_second < from_first ? 1U : 0U);

    // Exactly equal by construction: powers of two, scale-free.
    const std::vector<double> doubled{1, 2};
    EXPECT_EQ(TailFits(doubled).best(0, 2)->start, 0U);
}

TEST(BestFit, LeavesOutWhatIsNotPositiveAndTheLast) {
    const std::vector<double> values{0, 0, 1, 3, 4};
    const auto fit = TailFits(values).best(0, 5);
    ASSERT_TRUE(fit.has_value());
    EXPECT_GE(fit->start, 2U);
    EXPECT_LE(fit->start, 3U);
    EXPECT_EQ(TailFits(values).best(4, 5), std::nullopt);
    EXPECT_EQ(TailFits(std::vector<double>{0, 0, 0}).best(0, 3), std::nullopt);
    EXPECT_EQ(TailFits(std::vector<double>{5, 5, 5}).best(0, 3), std::nullopt);
    EXPECT_EQ(TailFits({}).best(0, 0), std::nullopt);
}

}  // namespace
}  // namespace alphaprune::spectrum
