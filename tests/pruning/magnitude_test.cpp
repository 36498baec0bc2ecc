#include "magnitude.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "pruning/shares.hpp"
#include "support/threads.hpp"

namespace alphaprune::pruning {
namespace {

using test::Split;

constexpr support::ScalarType kTypes[] = {
    support::ScalarType::float32, support::ScalarType::float16, support::ScalarType::bfloat16,
    support::ScalarType::float64};

std::vector<float> as_floats(std::span<const std::byte> stored, support::ScalarType type) {
    std::vector<float> values(stored.size() / support::size_of(type));
    support::widen(stored, type, std::span(values));
    return values;
}

std::vector<std::byte> as_stored(const std::vector<float>& values, support::ScalarType type) {
    std::vector<std::byte> stored(values.size() * support::size_of(type));
    support::narrow(values, type, stored);
    return stored;
}

/// Weights of every size of exponent that all three types have, with ties after rounding.
std::vector<float> random_weights(std::size_t count) {
    std::mt19937_64 generator(count);
    std::normal_distribution<float> normal(0, 0.02F);
    std::vector<float> values(count);
    std::ranges::generate(values, [&] { return normal(generator); });
    for (std::size_t i = 0; i < count; i += 11) {
        values[i] *= 1e-4F;  // subnormal as float16
    }
    return values;
}

/// What a sort of the whole matrix says should remain.
std::vector<float> pruned_by_sorting(std::vector<float> values, double ratio, Ties ties) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return std::abs(values[i]); });
    auto count = static_cast<std::size_t>(static_cast<double>(values.size()) * ratio);
    if (ties == Ties::inclusive) {
        const float threshold = std::abs(values[order[std::min(count, values.size() - 1)]]);
        count = 0;
        while (count < values.size() && std::abs(values[order[count]]) <= threshold) {
            ++count;
        }
    }
    for (std::size_t i = 0; i < count; ++i) {
        values[order[i]] = 0.0F;
    }
    return values;
}

/// Prunes copies that are spread in each way; compares bits, so that −0 is told from +0.
void expect_as_sorted(const std::vector<float>& weights, support::ScalarType type, double ratio,
                      Ties ties, std::span<const Split> splits) {
    const auto stored = as_stored(weights, type);
    const auto expected = as_stored(pruned_by_sorting(as_floats(stored, type), ratio, ties), type);
    for (const Split split : splits) {
        const auto cuts = test::cuts_of(weights.size(), split);
        const auto rank = static_cast<std::size_t>(test::world().rank());
        const auto mine_of = [&](const std::vector<std::byte>& all) {
            return std::vector<std::byte>(
                all.begin() + static_cast<std::ptrdiff_t>(cuts[rank] * support::size_of(type)),
                all.begin() + static_cast<std::ptrdiff_t>(cuts[rank + 1] * support::size_of(type)));
        };
        auto mine = mine_of(stored);
        const std::int64_t zeros =
            prune_magnitude(test::world(), *test::threads_of(3), mine, type, ratio, ties);
        EXPECT_EQ(mine, mine_of(expected)) << support::name_of(type) << " ratio " << ratio;
        EXPECT_EQ(zeros, std::ranges::count(as_floats(mine, type), 0.0F));
    }
}

/// All types, ratios and rules, with the ways to spread taking turns.
void expect_all_as_sorted(const std::vector<float>& weights, const std::vector<double>& ratios) {
    std::size_t turn = 0;
    for (const double ratio : ratios) {
        for (const support::ScalarType type : kTypes) {
            for (const Ties ties : {Ties::exact, Ties::inclusive}) {
                const std::size_t split = turn++ % std::size(test::kSplits);
                expect_as_sorted(weights, type, ratio, ties,
                                 std::span(test::kSplits).subspan(split, 1));
            }
        }
    }
}

TEST(Magnitude, IsThatOfASortOfTheWholeMatrix) {
    expect_all_as_sorted(random_weights(1234), {0, 1e-9, 1.0 / 1234, 0.3, 0.7, 0.999, 1});
}

TEST(Magnitude, DoesNotDependOnHowTheMatrixIsSpread) {
    for (const Ties ties : {Ties::exact, Ties::inclusive}) {
        expect_as_sorted(random_weights(1001), support::ScalarType::bfloat16, 0.6, ties,
                         test::kSplits);
    }
}

TEST(Magnitude, ManyTiesGoInRowMajorOrder) {
    std::vector<float> weights;
    for (int i = 0; i < 700; ++i) {
        weights.push_back(static_cast<float>((i * 37) % 3 - 1) * 0.5F);
    }
    expect_all_as_sorted(weights, {0, 0.2, 1.0 / 3, 0.5, 0.99, 1});
}

TEST(Magnitude, MatricesThatAreWorkedThroughInManyPiecesAreNoDifferent) {
    std::vector<float> weights = random_weights(40'000);
    for (std::size_t i = 0; i < weights.size(); i += 2) {
        weights[i] = i % 3 == 0 ? 0.0078125F : -0.0078125F;
    }
    expect_all_as_sorted(weights, {0.1, 0.3, 0.45, 0.6, 0.75, 0.9});
}

TEST(Magnitude, EqualValuesAllAround) {
    expect_all_as_sorted(std::vector<float>(97, -0.25F), {0, 0.01, 0.5, 1});
    expect_all_as_sorted(std::vector<float>(97, 0.0F), {0, 0.5, 1});
}

TEST(Magnitude, OneElement) {
    expect_all_as_sorted({-3.5F}, {0, 0.5, 1});
}

TEST(Magnitude, MinusZeroIsTheSmallestAndBecomesPlusZero) {
    expect_all_as_sorted({1.0F, -0.0F, 0.0F, -0.0F, 2.0F, -1e-7F}, {0, 0.2, 0.4, 0.5, 0.7, 1});
}

TEST(Magnitude, NothingAnywhereIsNothingToDo) {
    for (const Ties ties : {Ties::exact, Ties::inclusive}) {
        EXPECT_EQ(prune_magnitude(test::world(), *test::threads_of(3), {},
                                  support::ScalarType::float32, 0.5, ties),
                  0);
    }
}

/// What stays of float64 is not rounded to the float32 that it is compared in.
TEST(Magnitude, OfFloat64KeepsAllBits) {
    const std::vector<double> weights{0.1, -1.0 / 3.0, 1e-60, 0.2, -0.3, 0.7};
    const auto all = std::as_bytes(std::span(weights));
    std::vector<std::byte> mine;
    if (test::world().is_root()) {
        mine.assign(all.begin(), all.end());
    }
    prune_magnitude(test::world(), *test::threads_of(3), mine, support::ScalarType::float64, 0.5,
                    Ties::exact);
    if (test::world().is_root()) {
        std::vector<double> pruned(weights.size());
        support::widen(mine, support::ScalarType::float64, std::span(pruned));
        EXPECT_EQ(pruned, (std::vector<double>{0, -1.0 / 3.0, 0, 0, -0.3, 0.7}));
    }
}

TEST(Magnitude, ExactGivesExactlyTheCountAsked) {
    const auto weights = random_weights(3001);
    for (const support::ScalarType type : kTypes) {
        for (const double ratio : {0.1, 0.29, 0.57, 0.7, 0.95}) {
            auto mine = as_stored(test::share_of(weights, Split::random), type);
            const auto zeros = prune_magnitude(test::world(), *test::threads_of(3), mine, type,
                                               ratio, Ties::exact);
            EXPECT_EQ(test::world().sum(zeros), static_cast<std::int64_t>(3001 * ratio));
        }
    }
}

TEST(Magnitude, TheCountIsTruncatedAsPythonDoes) {
    // 100 · 0.29 is 28.999999999999996 in float64.
    std::vector<float> weights(100);
    std::iota(weights.begin(), weights.end(), 1.0F);
    auto mine = as_stored(test::share_of(weights, Split::even), support::ScalarType::float32);
    const auto zeros = prune_magnitude(test::world(), *test::threads_of(3), mine,
                                       support::ScalarType::float32, 0.29, Ties::exact);
    EXPECT_EQ(test::world().sum(zeros), 28);
}

TEST(Magnitude, ZerosThatWereThereCountTowardsTheRatio) {
    std::vector<float> weights = random_weights(1000);
    std::fill_n(weights.begin() + 200, 600, 0.0F);
    for (const double ratio : {0.3, 0.6, 0.8}) {
        auto mine = as_stored(test::share_of(weights, Split::even), support::ScalarType::bfloat16);
        const auto zeros = prune_magnitude(test::world(), *test::threads_of(3), mine,
                                           support::ScalarType::bfloat16, ratio, Ties::exact);
        EXPECT_EQ(test::world().sum(zeros), ratio < 0.6 ? 600 : static_cast<int>(1000 * ratio));
    }
}

TEST(Magnitude, StoredBytesNeedNotBeAligned) {
    const auto weights = random_weights(301);
    const auto stored = as_stored(weights, support::ScalarType::float32);
    std::vector<std::byte> shifted(1);
    shifted.insert(shifted.end(), stored.begin(), stored.end());
    auto aligned = stored;
    prune_magnitude(test::world(), *test::threads_of(3), aligned, support::ScalarType::float32, 0.5,
                    Ties::exact);
    prune_magnitude(test::world(), *test::threads_of(3), std::span(shifted).subspan(1),
                    support::ScalarType::float32, 0.5, Ties::exact);
    EXPECT_TRUE(std::ranges::equal(std::span(shifted).subspan(1), aligned));
}

}  // namespace
}  // namespace alphaprune::pruning
