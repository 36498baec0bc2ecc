#include "alphaprune/allocation/ratio_search.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace alphaprune::allocation {
namespace {

constexpr double kMean = 0.7;

/// Four blocks of q, v and two other matrices.
std::vector<SearchItem> small_model() {
    std::vector<SearchItem> items;
    for (int block = 0; block < 4; ++block) {
        items.push_back({block, 100, LayerKind::query_key});
        items.push_back({block, 100, LayerKind::value});
        items.push_back({block, 300, LayerKind::other});
        items.push_back({block, 300, LayerKind::other});
    }
    return items;
}

Evaluate one_by_one(std::function<double(std::span<const double>)> loss) {
    return [loss = std::move(loss)](std::span<const std::vector<double>> candidates) {
        std::vector<double> losses;
        for (const std::vector<double>& ratios : candidates) {
            losses.push_back(loss(ratios));
        }
        return losses;
    };
}

SearchStart uniform_start(std::size_t matrices) {
    return {"uniform", std::vector<double>(matrices, kMean)};
}

double mean_of(std::span<const SearchItem> items, std::span<const double> ratios) {
    double zeros = 0;
    double weights = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
        zeros += ratios[i] * static_cast<double>(items[i].weights);
        weights += static_cast<double>(items[i].weights);
    }
    return zeros / weights;
}

/// Least where attention has 0.09 more than the rest and the first block 0.06 less.
double bowl(std::span<const SearchItem> items, std::span<const double> ratios) {
    double sum = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
        const double wanted = 0.69 + (items[i].kind == LayerKind::other ? 0 : 0.09) -
                              (items[i].block == 0 ? 0.06 : 0);
        sum += (ratios[i] - wanted) * (ratios[i] - wanted);
    }
    return sum;
}

SearchResult search_bowl(int evaluations) {
    const auto items = small_model();
    SearchLimits limits;
    limits.evaluations = evaluations;
    const std::vector<SearchStart> starts{uniform_start(items.size())};
    return search_ratios(items, starts, limits, one_by_one([&](std::span<const double> ratios) {
                             EXPECT_NEAR(mean_of(items, ratios), kMean, 1e-12);
                             return bowl(items, ratios);
                         }));
}

TEST(RatioSearch, FindsTheLeastOfABowl) {
    const auto items = small_model();
    const double uniform = bowl(items, uniform_start(items.size()).ratios);
    const SearchResult found = search_bowl(40);
    EXPECT_EQ(found.history.size(), 40U);
    EXPECT_LT(found.loss, 0.2 * uniform);
    EXPECT_EQ(found.loss, bowl(items, found.ratios));
}

/// Losses that are off by up to 1 % either way, always by as much for the same ratios.
TEST(RatioSearch, IsNotLedAstrayByNoise) {
    const auto items = small_model();
    const std::vector<SearchStart> starts{uniform_start(items.size())};
    const auto loss = [&](std::span<const double> ratios) {
        return 50 * std::exp(bowl(items, ratios));
    };
    const double least = 50;
    double found = 0;
    constexpr int kTimes = 20;
    for (int time = 0; time < kTimes; ++time) {
        std::mt19937 noise(static_cast<unsigned>(time));
        SearchLimits limits;
        limits.seed = static_cast<std::uint64_t>(time);
        const auto result =
            search_ratios(items, starts, limits, one_by_one([&](std::span<const double> ratios) {
                              const double off = static_cast<double>(noise() % 2001) / 1e5 - 0.01;
                              return loss(ratios) * (1 + off);
                          }));
        found += loss(result.ratios) / kTimes;
    }
    EXPECT_LT(found - least, 0.25 * (loss(starts.front().ratios) - least));
}

TEST(RatioSearch, MoreEvaluationsGoOnWhereFewerEnded) {
    const SearchResult few = search_bowl(9);
    const SearchResult more = search_bowl(30);
    ASSERT_EQ(few.history.size(), 9U);
    EXPECT_TRUE(std::equal(few.history.begin(), few.history.end(), more.history.begin()));
    EXPECT_LE(more.loss, few.loss);
}

TEST(RatioSearch, TheBestOfTheStartsIsTheFirst) {
    const auto items = small_model();
    std::vector<SearchStart> starts{uniform_start(items.size()), uniform_start(items.size())};
    starts[1].name = "other";
    starts[1].ratios[0] += 0.1;
    const auto evaluate = one_by_one([](std::span<const double> ratios) { return -ratios[0]; });
    SearchLimits limits;
    limits.evaluations = 2;
    const auto found = search_ratios(items, starts, limits, evaluate);
    ASSERT_EQ(found.history.size(), 2U);
    EXPECT_EQ(found.history[1].change, "other");
    EXPECT_TRUE(found.history[1].better);
}

TEST(RatioSearch, ALossThatIsNoNumberIsWorseThanAny) {
    const auto items = small_model();
    const std::vector<SearchStart> starts{uniform_start(items.size())};
    SearchLimits limits;
    limits.evaluations = 12;
    int number = 0;
    const auto found =
        search_ratios(items, starts, limits, one_by_one([&](std::span<const double>) {
                          ++number;
                          return number == 4 ? 1.0 : std::numeric_limits<double>::quiet_NaN();
                      }));
    EXPECT_EQ(found.loss, 1.0);
}

TEST(RatioSearch, EndsWhereTheCallerTriesNoFurtherCandidate) {
    const auto items = small_model();
    const std::vector<SearchStart> starts{uniform_start(items.size())};
    std::size_t left = 5;
    const auto found =
        search_ratios(items, starts, {}, [&](std::span<const std::vector<double>> candidates) {
            std::vector<double> losses;
            for (; losses.size() < candidates.size() && left > 0; --left) {
                losses.push_back(bowl(items, candidates[losses.size()]));
            }
            return losses;
        });
    EXPECT_EQ(found.history.size(), 5U);
    EXPECT_EQ(left, 0U);
}

/// Names of matrices, not their numbers: a reader of the history knows no numbers.
TEST(RatioSearch, MutationsNameTheirMatrices) {
    std::vector<SearchItem> items{{0, 100, LayerKind::other, "b.0.up"},
                                  {0, 100, LayerKind::other, "b.0.down"}};
    const std::vector<SearchStart> starts{uniform_start(2)};
    SearchLimits limits;
    limits.evaluations = 12;
    const auto found =
        search_ratios(items, starts, limits, [](std::span<const std::vector<double>> candidates) {
            return std::vector<double>(candidates.size(), 1.0);
        });
    ASSERT_EQ(found.history.size(), 12U);
    const std::string& change = found.history.back().change;
    EXPECT_TRUE(change.starts_with("+0.04 from b.0.up to b.0.down") ||
                change.starts_with("+0.04 from b.0.down to b.0.up"))
        << change;
}

TEST(RatioSearch, OneMatrixHasNothingToSearch) {
    const std::vector<SearchItem> one{{0, 100, LayerKind::other}};
    const std::vector<SearchStart> starts{uniform_start(1)};
    const auto found =
        search_ratios(one, starts, {}, one_by_one([](std::span<const double>) { return 1.0; }));
    EXPECT_EQ(found.history.size(), 1U);
    EXPECT_NEAR(found.ratios[0], kMean, 1e-12);
}

}  // namespace
}  // namespace alphaprune::allocation
