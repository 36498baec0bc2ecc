#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "alphaprune/model/calibration_set.hpp"
#include "model/faults.hpp"
#include "model/token_files.hpp"

namespace alphaprune::test {
namespace {

using Shares = std::vector<std::int64_t>;
using Weights = std::vector<double>;

const model::Catalogue kSmallModel = catalogue_with(4096, 512);

/// Ids from `first` on: they say from which file they are, and from where in it.
model::TokenFile ids_from(std::int32_t first, std::int32_t tokens, std::int64_t sample_length) {
    model::TokenFile file{std::vector<std::int32_t>(static_cast<std::size_t>(tokens)),
                          sample_length, "from " + std::to_string(first)};
    std::iota(file.ids.begin(), file.ids.end(), first);
    return file;
}

std::vector<std::int32_t> sequences_from(const model::CalibrationSet& set, int file) {
    std::vector<std::int32_t> ids;
    for (std::int64_t s = 0; s < set.sequences.count(); ++s) {
        if (set.file_of[static_cast<std::size_t>(s)] == file) {
            const auto sequence = set.sequences.sequence(s);
            ids.insert(ids.end(), sequence.begin(), sequence.end());
        }
    }
    return ids;
}

TEST(CalibrationShares, FollowTheWeightsByLargestRemainder) {
    EXPECT_EQ(model::calibration_shares(Weights{3}, 128), Shares{128});
    EXPECT_EQ(model::calibration_shares(Weights{1, 1}, 128), (Shares{64, 64}));
    EXPECT_EQ(model::calibration_shares(Weights{1, 1, 1}, 128), (Shares{43, 43, 42}));
    EXPECT_EQ(model::calibration_shares(Weights{0.1, 0.2, 0.7}, 10), (Shares{1, 2, 7}));
    EXPECT_EQ(model::calibration_shares(Weights{5, 3, 2}, 8), (Shares{4, 2, 2}));
    EXPECT_EQ(model::calibration_shares(Weights{1e308, 1e308, 1e308}, 6), (Shares{2, 2, 2}));
}

TEST(CalibrationShares, EveryFileHasAtLeastOne) {
    EXPECT_EQ(model::calibration_shares(Weights{1, 1000, 1}, 12), (Shares{1, 10, 1}));
    EXPECT_EQ(model::calibration_shares(Weights{1e-300, 1e300}, 2), (Shares{1, 1}));
    EXPECT_EQ(model::calibration_shares(Weights{1, 1, 100}, 3), (Shares{1, 1, 1}));
    // The part of the second is below one only when the first has had its one.
    EXPECT_EQ(model::calibration_shares(Weights{0.1, 1.02, 2.88}, 4), (Shares{1, 1, 2}));
}

TEST(CalibrationShares, AddUpForAnyWeights) {
    for (int seed = 1; seed <= 50; ++seed) {
        Weights weights;
        for (int f = 0; f < 1 + seed % 7; ++f) {
            weights.push_back(std::fmod(seed * 0.6180339887498949 * (f + 1), 1) + 1e-3);
        }
        for (const std::int64_t total : {7, 8, 100, 128}) {
            const Shares shares = model::calibration_shares(weights, total);
            EXPECT_EQ(std::accumulate(shares.begin(), shares.end(), std::int64_t{0}), total);
            EXPECT_GE(*std::ranges::min_element(shares), 1);
        }
    }
}

TEST(CalibrationSet, OneFileGivesWhatItAlwaysDid) {
    for (const model::TokenFile& file : {ids_from(0, 100, 0), ids_from(0, 120, 12)}) {
        const auto alone = model::calibration_sequences(file, kSmallModel, 8, 12, 7);
        const auto set =
            model::calibration_set(std::span(&file, 1), Weights{3}, kSmallModel, 8, 12, 7);
        EXPECT_EQ(set.sequences.ids, alone.ids);
        EXPECT_EQ(set.sequences.length, alone.length);
        EXPECT_EQ(set.file_of, std::vector<int>(8, 0));
        EXPECT_EQ(set.count_of(0), 8);
    }
    const model::TokenFile few = ids_from(0, 12, 4);
    const auto set = model::calibration_set(std::span(&few, 1), Weights{1}, kSmallModel,
                                            std::nullopt, std::nullopt, 0);
    EXPECT_EQ(set.sequences.ids, few.ids);
}

TEST(CalibrationSet, EachFileGivesItsShareAsIfAlone) {
    const std::vector<model::TokenFile> files{ids_from(0, 100, 0), ids_from(1000, 120, 12),
                                              ids_from(2000, 300, 0)};
    const auto set = model::calibration_set(files, Weights{1, 2, 1}, kSmallModel, 8, 12, 7);
    const Shares shares{2, 4, 2};
    for (int f = 0; f < 3; ++f) {
        const auto index = static_cast<std::size_t>(f);
        EXPECT_EQ(set.count_of(f), shares[index]);
        EXPECT_EQ(
            sequences_from(set, f),
            model::calibration_sequences(files[index], kSmallModel, shares[index], 12, 7).ids);
    }
    EXPECT_EQ(set.file_of, (std::vector<int>{1, 0, 2, 1, 1, 0, 2, 1}));
}

TEST(CalibrationSet, AnyPrefixHasNearlyTheShares) {
    const std::vector<model::TokenFile> files{ids_from(0, 100, 0), ids_from(1000, 100, 0),
                                              ids_from(2000, 100, 0)};
    const auto set = model::calibration_set(files, Weights{7, 2, 1}, kSmallModel, 100, 12, 0);
    std::vector<int> taken(3, 0);
    for (std::size_t s = 0; s < set.file_of.size(); ++s) {
        ++taken[static_cast<std::size_t>(set.file_of[s])];
        for (int f = 0; f < 3; ++f) {
            const double share = static_cast<double>(set.count_of(f)) / 100;
            EXPECT_NEAR(taken[static_cast<std::size_t>(f)], share * static_cast<double>(s + 1), 1);
        }
    }
    EXPECT_EQ(taken, (std::vector<int>{70, 20, 10}));
}

TEST(CalibrationSet, EqualOnesTakeTurnsFromTheFirst) {
    const std::vector<model::TokenFile> files{ids_from(0, 100, 0), ids_from(1000, 100, 0)};
    const auto set = model::calibration_set(files, Weights{1, 1}, kSmallModel, 5, 12, 0);
    EXPECT_EQ(set.file_of, (std::vector<int>{0, 1, 0, 1, 0}));
}

TEST(CalibrationSet, TheShortestLengthIsCommonToAll) {
    const std::vector<model::TokenFile> files{ids_from(0, 600, 0), ids_from(1000, 120, 12),
                                              ids_from(2000, 80, 8)};
    const auto length = [&](std::optional<std::int64_t> asked) {
        return model::calibration_set(files, Weights{1, 1, 1}, kSmallModel, 6, asked, 0)
            .sequences.length;
    };
    EXPECT_EQ(length(std::nullopt), 8);
    EXPECT_EQ(length(5), 5);
    EXPECT_EQ(count_faults(faults_of([&] { length(10); }), {"have 8 tokens, 10", "from 2000"}), 1);
}

TEST(CalibrationSet, AFileWithFewerSamplesGivesAllUnlessMoreAreAskedFor) {
    const std::vector<model::TokenFile> files{ids_from(0, 12, 4), ids_from(1000, 600, 0)};
    const auto set = [&](std::optional<std::int64_t> count) {
        return model::calibration_set(files, Weights{1, 1}, kSmallModel, count, std::nullopt, 0);
    };
    EXPECT_EQ(set(std::nullopt).count_of(0), 3);
    EXPECT_EQ(set(std::nullopt).count_of(1), 64);
    EXPECT_EQ(sequences_from(set(std::nullopt), 0), files[0].ids);
    EXPECT_EQ(set(6).count_of(0), 3);
    EXPECT_EQ(count_faults(faults_of([&] { set(8); }), {"3 samples, 4 are asked", "from 0"}), 1);
}

TEST(CalibrationSet, TheFaultsOfAllFilesAreNamed) {
    const auto faults = [](const std::vector<model::TokenFile>& files,
                           std::optional<std::int64_t> count) {
        return faults_of([&] {
            model::calibration_set(files, Weights(files.size(), 1), kSmallModel, count, 4, 0);
        });
    };
    const auto all = faults({ids_from(0, 12, 4), ids_from(100, 3, 0), ids_from(200, 0, 4)}, 12);
    EXPECT_EQ(all.size(), 3U) << text_of(all);
    EXPECT_EQ(count_faults(all, {"3 samples, 4 are asked"}), 1) << text_of(all);
    EXPECT_EQ(count_faults(all, {"3 tokens, too few"}), 1) << text_of(all);
    EXPECT_EQ(count_faults(all, {"0 samples"}), 1) << text_of(all);
    const std::vector<model::TokenFile> three(3, ids_from(0, 100, 0));
    EXPECT_EQ(count_faults(faults(three, 2), {"3 calibration files are more than 2 samples"}), 1);
    EXPECT_EQ(faults(std::vector<model::TokenFile>(129, three.front()), {}).size(), 1U);
    EXPECT_EQ(count_faults(faults(three, 1 << 30), {"more than 2147483648"}), 1);
}

}  // namespace
}  // namespace alphaprune::test
