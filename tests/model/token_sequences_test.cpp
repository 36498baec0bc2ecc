#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <string>

#include "alphaprune/model/tokens.hpp"
#include "alphaprune/support/random_draw.hpp"
#include "model/faults.hpp"
#include "model/token_files.hpp"

namespace alphaprune::test {
namespace {

using Ids = std::vector<std::int32_t>;

/// 0, 1, 2, …: an id says where it was.
model::TokenFile numbered(std::int32_t tokens, std::int64_t sample_length) {
    model::TokenFile file{Ids(static_cast<std::size_t>(tokens)), sample_length, "tokens.npy"};
    std::iota(file.ids.begin(), file.ids.end(), 0);
    return file;
}

Ids starts_of(const model::TokenSequences& sequences) {
    Ids starts;
    for (std::int64_t i = 0; i < sequences.count(); ++i) {
        const auto sequence = sequences.sequence(i);
        starts.push_back(sequence.front());
        EXPECT_EQ(sequence.back(), sequence.front() + sequences.length - 1);
        EXPECT_TRUE(std::is_sorted(sequence.begin(), sequence.end()));
    }
    return starts;
}

const model::Catalogue kModel = catalogue_with(4096, 512);

TEST(WindowDraw, TheGeneratorIsSplitMix64) {
    // The outputs that its users publish for the seeds 0 and 1234567.
    EXPECT_EQ(support::splitmix64(0, 0), 0xE220A8397B1DCDAFU);
    EXPECT_EQ(support::splitmix64(0, 1), 0x6E789E6AA1B965F4U);
    EXPECT_EQ(support::splitmix64(0, 2), 0x06C45D188009454FU);
    EXPECT_EQ(support::splitmix64(1234567, 0), 6457827717110365317U);
    EXPECT_EQ(support::splitmix64(1234567, 1), 3203168211198807973U);
    EXPECT_EQ(support::splitmix64(1234567, 2), 9817491932198370423U);
}

TEST(WindowDraw, UnfairOutputsAreDrawnAgain) {
    // By the rule in docs/methods.md, in Python; with this range half of all outputs are rejected.
    const std::uint64_t range = (std::uint64_t{1} << 63) + 1;
    const std::vector<std::uint64_t> expected{5378997849363822209, 4654242949169100535,
                                              4140029693360234740, 128293257803163280,
                                              1390408303984951601, 7608443616952374781};
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(support::uniform_draw(5, i, range), expected[i]) << i;
    }
}

TEST(WindowDraw, EveryResultIsEquallyLikely) {
    std::map<std::uint64_t, int> counts;
    for (std::uint64_t i = 0; i < 70000; ++i) {
        ++counts[support::uniform_draw(3, i, 7)];
    }
    EXPECT_EQ(counts.size(), 7U);
    for (const auto& [value, count] : counts) {
        EXPECT_NEAR(count, 10000, 500) << value;  // five standard deviations
    }
    EXPECT_EQ(support::uniform_draw(3, 12, 1), 0U);
}

TEST(CalibrationSequences, WindowsOfAStreamFollowTheDocumentedRule) {
    const model::TokenFile file = numbered(100, 0);  // 89 windows of 12
    const auto drawn = model::calibration_sequences(file, kModel, 8, 12, 0);
    EXPECT_EQ(drawn.length, 12);
    EXPECT_EQ(starts_of(drawn), (Ids{76, 79, 54, 26, 83, 20, 41, 26}));
    EXPECT_EQ(starts_of(model::calibration_sequences(file, kModel, 8, 12, 7)),
              (Ids{34, 0, 8, 46, 77, 21, 50, 65}));
    EXPECT_EQ(starts_of(model::calibration_sequences(file, kModel, 3, 12, 0)), (Ids{76, 79, 54}));
}

TEST(CalibrationSequences, AStreamOfOneWindowGivesThatWindow) {
    EXPECT_EQ(starts_of(model::calibration_sequences(numbered(5, 0), kModel, 3, 5, 1)),
              (Ids{0, 0, 0}));
    EXPECT_EQ(starts_of(model::calibration_sequences(numbered(1, 0), kModel, 2, 1, 1)),
              (Ids{0, 0}));
}

TEST(CalibrationSequences, BothEndsOfAStreamAreReached) {
    auto starts = starts_of(model::calibration_sequences(numbered(8, 0), kModel, 200, 4, 0));
    std::ranges::sort(starts);
    EXPECT_EQ(starts.front(), 0);
    EXPECT_EQ(starts.back(), 4);
}

TEST(CalibrationSequences, OfSamplesTheFirstAreTakenAndCut) {
    const model::TokenFile file = numbered(12, 4);
    EXPECT_EQ(model::calibration_sequences(file, kModel, 2, std::nullopt, 9).ids,
              (Ids{0, 1, 2, 3, 4, 5, 6, 7}));
    EXPECT_EQ(model::calibration_sequences(file, kModel, 3, 2, 9).ids, (Ids{0, 1, 4, 5, 8, 9}));
}

TEST(CalibrationSequences, TheUsualLengthOfAStreamRespectsThePositions) {
    const model::TokenFile file = numbered(3000, 0);
    EXPECT_EQ(model::calibration_sequences(file, kModel, 1, std::nullopt, 0).length, 512);
    EXPECT_EQ(
        model::calibration_sequences(file, catalogue_with(4096, 8192), 1, std::nullopt, 0).length,
        2048);
    EXPECT_EQ(
        model::calibration_sequences(file, catalogue_with(4096, 0), 1, std::nullopt, 0).length,
        2048);
}

TEST(CalibrationSequences, TheUsualNumberIsTakenOrAllThatThereAre) {
    const auto usual = [](const model::TokenFile& file) {
        return model::calibration_sequences(file, kModel, std::nullopt, std::nullopt, 0);
    };
    EXPECT_EQ(usual(numbered(12, 4)).ids, (Ids{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
    EXPECT_EQ(usual(numbered(127 * 3, 3)).count(), 127);
    EXPECT_EQ(usual(numbered(128 * 3, 3)).count(), 128);
    EXPECT_EQ(usual(numbered(200 * 3, 3)).count(), 128);
    EXPECT_EQ(usual(numbered(600, 0)).count(), 128) << "windows of a stream may overlap";
    EXPECT_EQ(count_faults(faults_of([&] { usual(numbered(0, 4)); }), {"has 0 samples"}), 1);
}

TEST(CalibrationSequences, EveryFaultIsNamed) {
    const auto faults = [](const model::TokenFile& file, std::int64_t count,
                           std::optional<std::int64_t> length) {
        return faults_of([&] { model::calibration_sequences(file, kModel, count, length, 0); });
    };
    EXPECT_EQ(count_faults(faults(numbered(12, 4), 4, {}), {"3 samples, 4", "tokens.npy"}), 1);
    EXPECT_EQ(count_faults(faults(numbered(12, 4), 3, 5), {"have 4 tokens, 5"}), 1);
    EXPECT_EQ(count_faults(faults(numbered(12, 0), 3, 13), {"12 tokens, too few", "of 13"}), 1);
    EXPECT_EQ(count_faults(faults(numbered(0, 0), 3, {}), {"0 tokens, too few"}), 1);
    EXPECT_EQ(count_faults(faults(numbered(600, 0), 3, 513), {"513", "512 positions"}), 1);
    EXPECT_EQ(count_faults(faults(numbered(1200, 600), 2, {}), {"600", "512 positions"}), 1);
    EXPECT_EQ(count_faults(faults(numbered(12, 0), 3, 0), {"0 tokens are too short"}), 1);
    EXPECT_EQ(count_faults(faults(numbered(12, 0), 1 << 30, 4), {"more than 2147483648"}), 1);
    const auto all = faults(numbered(12, 4), 0, 600);
    EXPECT_EQ(all.size(), 3U) << text_of(all);
    EXPECT_EQ(count_faults(all, {"--nsamples", "too few"}), 1) << text_of(all);
}

TEST(EvaluationWindows, FollowOneAnotherAndTheTailIsDropped) {
    const auto windows = model::evaluation_windows(numbered(11, 0), kModel, 3);
    EXPECT_EQ(windows.count(), 3);
    EXPECT_EQ(windows.ids, (Ids{0, 1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(EvaluationWindows, SamplesAreOneStream) {
    const model::TokenFile file = numbered(12, 4);
    EXPECT_EQ(model::evaluation_windows(file, kModel, std::nullopt).length, 4);
    const auto windows = model::evaluation_windows(file, kModel, 5);
    EXPECT_EQ(windows.ids, (Ids{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST(EvaluationWindows, EveryFaultIsNamed) {
    const auto faults = [](std::int32_t tokens, std::optional<std::int64_t> length) {
        return faults_of([&] { model::evaluation_windows(numbered(tokens, 0), kModel, length); });
    };
    EXPECT_EQ(count_faults(faults(11, 12), {"11 tokens, too few", "of 12"}), 1);
    EXPECT_EQ(count_faults(faults(11, {}), {"11 tokens, too few", "of 512"}), 1);
    EXPECT_EQ(count_faults(faults(600, 600), {"512 positions"}), 1);
    EXPECT_EQ(count_faults(faults(11, 1), {"1 tokens are too short"}), 1);
    EXPECT_EQ(count_faults(faults(0, -1), {"too short"}), 1);
}

}  // namespace
}  // namespace alphaprune::test
