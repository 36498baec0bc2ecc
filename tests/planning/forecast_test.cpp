#include "alphaprune/planning/forecast.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/family.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/planning/machine_rates.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/transformer/forward_plan.hpp"
#include "forecast_parts.hpp"

namespace alphaprune::planning {
namespace {

/// A model of 32 blocks whose weights are supposed to lie in files.
const model::Catalogue& model_7b() {
    static const model::Catalogue catalogue = model::synthetic_catalogue(*model::shape_named("7b"));
    return catalogue;
}

PhaseForecast phase_of(const RunForecast& run, Phase phase) {
    for (const PhaseForecast& one : run.phases) {
        if (one.phase == phase) {
            return one;
        }
    }
    ADD_FAILURE() << "no phase " << name_of(phase);
    return {};
}

double bytes_of_matrices() {
    double bytes = 0;
    for (const model::MatrixInfo& matrix : model_7b().matrices) {
        bytes += static_cast<double>(model_7b().tensor_of(matrix).bytes());
    }
    return bytes;
}

model::TokenSequences sequences(std::int64_t count, std::int64_t length) {
    model::TokenSequences some;
    some.length = length;
    some.ids.resize(static_cast<std::size_t>(count * length));
    return some;
}

TEST(Forecast, AMagnitudeRunReadsTwiceAndWritesOnce) {
    const RunForecast run = forecast(model_7b(), {64, 16, {}}, {}, {});
    ASSERT_EQ(run.phases.size(), 3U);
    const auto bytes = static_cast<double>(model_7b().bytes());
    EXPECT_EQ(phase_of(run, Phase::spectrum).bytes_read, bytes_of_matrices());
    EXPECT_EQ(phase_of(run, Phase::spectrum).memory,
              run.spectra.memory + program_memory({64, 16, {}}));
    EXPECT_EQ(phase_of(run, Phase::prune_and_write).bytes_read, bytes);
    EXPECT_EQ(phase_of(run, Phase::prune_and_write).bytes_written, bytes);
    EXPECT_GE(phase_of(run, Phase::spectrum).seconds, run.spectra.seconds);
    double sum = 0;
    for (const PhaseForecast& phase : run.phases) {
        EXPECT_GT(phase.seconds, 0);
        EXPECT_LE(phase.memory, run.memory());
        sum += phase.seconds;
    }
    EXPECT_EQ(run.seconds(), sum);
}

TEST(Forecast, WhatIsNotAskedTakesNoPhase) {
    RunTask task;
    task.prunes = false;
    EXPECT_EQ(forecast(model_7b(), {4, 4, {}}, {}, task).phases.size(), 2U);
    task.prunes = true;
    task.computes_spectra = false;
    const RunForecast run = forecast(model_7b(), {4, 4, {}}, {}, task);
    EXPECT_EQ(run.phases.size(), 2U);
    EXPECT_TRUE(run.spectra.stages.empty());
}

TEST(Forecast, SyntheticWeightsComeFromNoFile) {
    CostModel model;
    model.generated = true;
    const RunForecast made = forecast(model_7b(), {8, 8, {}}, model, {});
    EXPECT_EQ(phase_of(made, Phase::prune_and_write).bytes_read, 0);
    EXPECT_GT(phase_of(made, Phase::prune_and_write).bytes_written, 0);
}

TEST(Forecast, ThreadsTakeMatricesAsRanksDo) {
    RunTask task;
    task.threads = 4;
    const RunForecast threads = forecast(model_7b(), {2, 2, std::uint64_t{8} << 30}, {}, task);
    const RunForecast ranks = forecast(model_7b(), {8, 8, std::uint64_t{2} << 30}, {}, {});
    EXPECT_EQ(threads.spectra.seconds, ranks.spectra.seconds);
    EXPECT_EQ(phase_of(threads, Phase::spectrum).memory,
              4 * ranks.spectra.memory + program_memory({2, 2, {}}));
}

TEST(Forecast, SolversOfGroupsOfRanksUseOneThreadOfEach) {
    RunTask task;
    task.spectra.solver = linalg::Solver::elpa2;
    const RunForecast one = forecast(model_7b(), {4, 2, std::uint64_t{8} << 30}, {}, task);
    task.threads = 4;
    const RunForecast many = forecast(model_7b(), {4, 2, std::uint64_t{8} << 30}, {}, task);
    EXPECT_EQ(many.spectra.threads, 1);
    EXPECT_EQ(many.spectra.seconds, one.spectra.seconds);
    EXPECT_EQ(phase_of(many, Phase::spectrum).memory, phase_of(one, Phase::spectrum).memory);
}

TEST(Forecast, CalibrationReadsEveryBlockOnceOnEachNode) {
    RunTask task;
    task.computes_spectra = false;
    task.pruner = pruning::find_pruner("wanda");
    task.calibration = sequences(128, 2048);
    const auto read_on = [&](int ranks) {
        return phase_of(forecast(model_7b(), {ranks, 16, {}}, {}, task), Phase::calibrate)
            .bytes_read;
    };
    EXPECT_EQ(read_on(64), 4 * read_on(16));
    EXPECT_GE(read_on(16), bytes_of_matrices());
    const auto seconds_of = [&](std::string_view pruner) {
        task.pruner = pruning::find_pruner(pruner);
        return phase_of(forecast(model_7b(), {64, 16, {}}, {}, task), Phase::calibrate).seconds;
    };
    EXPECT_GT(seconds_of("sparsegpt"), seconds_of("wanda"));
    task.measures_outliers = true;
    const double with_owl = seconds_of("wanda");
    task.measures_outliers = false;
    EXPECT_GT(with_owl, 1.5 * seconds_of("wanda"));
}

/// Seconds of calibration for 128 sequences of 2048 tokens.
double calibration_seconds(const Cluster& cluster, RunTask task, const CostModel& model = {}) {
    task.computes_spectra = false;
    task.calibration = sequences(128, 2048);
    return phase_of(forecast(model_7b(), cluster, model, task), Phase::calibrate).seconds;
}

TEST(Forecast, RanksAndThreadsBeyondTheSequencesWorkToo) {
    CostModel model;
    model.rates.read_gbps = 1e6;  // every node reads: that does not get faster
    model.rates.storage_gbps = 1e9;
    for (const char* pruner : {"wanda", "sparsegpt"}) {
        SCOPED_TRACE(pruner);
        RunTask task;
        task.pruner = pruning::find_pruner(pruner);
        const double one_each = calibration_seconds({128, 64, {}}, task, model);
        EXPECT_LT(calibration_seconds({512, 64, {}}, task, model), one_each / 2.5);
        task.threads = 4;
        EXPECT_LT(calibration_seconds({128, 64, {}}, task, model), one_each / 2.5);
    }
}

TEST(Forecast, FasterProductsMakeTheForwardPassFaster) {
    RunTask task;
    task.pruner = pruning::find_pruner("wanda");
    const auto seconds = [&](linalg::ForwardPrecision precision) {
        task.forward_precision = precision;
        return calibration_seconds({16, 16, {}}, task);
    };
    const double in_float = seconds(linalg::ForwardPrecision::float32);
    const double two_parts = seconds(linalg::ForwardPrecision::bf16x2);
    const double one_part = seconds(linalg::ForwardPrecision::bf16);
    EXPECT_LT(two_parts, in_float);
    EXPECT_LT(one_part, two_parts);
    EXPECT_GT(one_part, in_float / kBf16OverSgemm);  // attention and norms stay as they were
    task.calibration = sequences(128, 2048);
    task.forward_precision = linalg::ForwardPrecision::float32;
    const CalibrationMemory plain = calibration_memory(model_7b(), task, {16, 16, {}});
    task.forward_precision = linalg::ForwardPrecision::bf16;
    const CalibrationMemory packed = calibration_memory(model_7b(), task, {16, 16, {}});
    EXPECT_EQ(2 * packed.weights, 3 * plain.weights);
    EXPECT_EQ(packed.activations, plain.activations);
}

TEST(Forecast, ATeamHoldsItsSequencesTogether) {
    RunTask task;
    task.pruner = pruning::find_pruner("wanda");
    task.calibration = sequences(4, 2048);
    const transformer::ForwardPlan plan = transformer::make_forward_plan(model_7b());
    const std::uint64_t state = 2048 * 4096 * sizeof(float);
    const std::uint64_t of_one = transformer::scratch_bytes(plan, 2048) + 2 * state;
    const std::uint64_t of_thread = transformer::thread_scratch_bytes();
    EXPECT_EQ(calibration_memory(model_7b(), task, {4, 4, {}}).activations, of_one + of_thread);
    EXPECT_EQ(calibration_memory(model_7b(), task, {16, 16, {}}).activations,
              of_one / 4 + of_thread);
    task.threads = 3;
    EXPECT_EQ(calibration_memory(model_7b(), task, {16, 16, {}}).activations,
              of_one / 4 + 3 * of_thread);
}

TEST(Forecast, TrialsTakeAsLongAsWhatTheyPrune) {
    RunTask task;
    task.computes_spectra = false;
    task.pruner = pruning::find_pruner("alps");
    task.calibration = sequences(128, 2048);
    const auto seconds_of = [&](std::vector<TrialTask> trials) {
        task.trials = std::move(trials);
        return phase_of(forecast(model_7b(), {64, 16, {}}, {}, task), Phase::trials).seconds;
    };
    const double whole = seconds_of({{40, 96}});
    EXPECT_NEAR(seconds_of({{40, 96}, {40, 96}}), 2 * whole, 1e-9 * whole);
    const double part = seconds_of({{40, 96, 2}});
    EXPECT_LT(part, 0.5 * whole);
    EXPECT_GT(part, 2.0 / 32 * whole);
    const double all_sequences = seconds_of({{1, 128}});
    const auto run = forecast(model_7b(), {64, 16, {}}, {}, task);
    EXPECT_NEAR(all_sequences, phase_of(run, Phase::calibrate).seconds, 1e-9 * all_sequences);
    task.trials = {};
    EXPECT_EQ(forecast(model_7b(), {64, 16, {}}, {}, task).phases.size(), 3U);
}

TEST(Forecast, MemoryOfCalibrationIsWhatARunAsksFor) {
    RunTask task;
    task.computes_spectra = false;
    task.pruner = pruning::find_pruner("sparsegpt");
    task.calibration = sequences(128, 2048);
    const RunForecast run = forecast(model_7b(), {32, 16, {}}, {}, task);
    EXPECT_EQ(
        phase_of(run, Phase::calibrate).memory,
        calibration_memory(model_7b(), task, {32, 16, {}}).total() + program_memory({32, 16, {}}));
}

TEST(Forecast, ABlockOfManyExpertsIsGatheredInTurnsThatFit) {
    const model::Catalogue experts =
        model::synthetic_catalogue(*model::shape_named("qwen3-30b-a3b"));
    RunTask task;
    task.computes_spectra = false;
    task.pruner = pruning::find_pruner("sparsegpt");
    task.calibration = sequences(128, 2048);
    const PhaseForecast free =
        phase_of(forecast(experts, {16, 16, {}}, {}, task), Phase::calibrate);
    const std::uint64_t limit = free.memory - free.memory / 8;
    const PhaseForecast tight =
        phase_of(forecast(experts, {16, 16, limit}, {}, task), Phase::calibrate);
    EXPECT_LE(tight.memory, limit);
    EXPECT_GT(tight.memory, limit / 2);
    EXPECT_GT(tight.seconds, free.seconds);
    EXPECT_EQ(calibration_memory(experts, task, {16, 16, {}}).turns[0],
              std::vector<std::size_t>{0});
    const auto turns = calibration_memory(experts, task, {16, 16, limit}).turns;
    ASSERT_EQ(std::ssize(turns), experts.blocks());
    for (const std::vector<std::size_t>& block : turns) {
        EXPECT_GT(block.size(), 1U);
        EXPECT_EQ(block.front(), 0U);
        EXPECT_TRUE(std::ranges::is_sorted(block));
    }
    // Where not even one site fits, it is taken nevertheless.
    EXPECT_GT(calibration_memory(experts, task, {16, 16, 1}).turns[0].size(), 200U);
}

TEST(Forecast, TheLastBlockIsStillThereWhenTheOtherTensorsAreCopied) {
    RunTask task;
    task.computes_spectra = false;
    task.pruner = pruning::find_pruner("wanda");
    task.calibration = sequences(128, 2048);
    const Cluster cluster{2, 2, {}};
    const CalibrationMemory kept = calibration_memory(model_7b(), task, cluster);
    EXPECT_EQ(phase_of(forecast(model_7b(), cluster, {}, task), Phase::prune_and_write).memory,
              kept.weights + kept.activations + kept.delivery + parallel::kSlabBytes +
                  program_memory(cluster));
}

TEST(Forecast, MoreTextsTakeLonger) {
    RunTask task;
    task.evaluations = {sequences(100, 2048)};
    const double one =
        phase_of(forecast(model_7b(), {10, 10, {}}, {}, task), Phase::evaluate).seconds;
    task.evaluations.push_back(sequences(100, 2048));
    const double two =
        phase_of(forecast(model_7b(), {10, 10, {}}, {}, task), Phase::evaluate).seconds;
    EXPECT_NEAR(two, 2 * one, 1e-9 * two);
}

TEST(Forecast, CorrectionsMultiplyTheirPhase) {
    RunTask task;
    const RunForecast plain = forecast(model_7b(), {4, 4, {}}, {}, task);
    task.corrections = {{Phase::prune_and_write, 3}};
    const RunForecast other = forecast(model_7b(), {4, 4, {}}, {}, task);
    EXPECT_EQ(phase_of(other, Phase::prune_and_write).seconds,
              3 * phase_of(plain, Phase::prune_and_write).seconds);
    EXPECT_EQ(phase_of(other, Phase::spectrum).seconds, phase_of(plain, Phase::spectrum).seconds);
}

double seconds_of_7b(const Cluster& cluster) {
    return forecast(model_7b(), cluster, {}, {}).seconds();
}

TEST(UsefulRanks, IsWhereDoublingStopsToPay) {
    const auto seconds_on = [&](int ranks) { return seconds_of_7b({ranks, 16, {}}); };
    const auto useful = useful_ranks({64, 16, {}}, seconds_of_7b);
    ASSERT_TRUE(useful);
    for (int ranks = 1; ranks < *useful; ranks *= 2) {
        EXPECT_LE(seconds_on(2 * ranks), 0.95 * seconds_on(ranks)) << ranks;
    }
    EXPECT_GT(seconds_on(2 * *useful), 0.95 * seconds_on(*useful));
    EXPECT_EQ(useful_ranks({1, 16, {}}, seconds_of_7b), useful);
}

TEST(UsefulRanks, PassesOverMachinesThatAreTooSmall) {
    const Cluster tight{256, 16, program_memory({256, 16, {}}) + (std::uint64_t{24} << 20)};
    EXPECT_THROW(forecast(model_7b(), {1, 1, tight.memory_per_rank}, {}, {}), support::Error);
    EXPECT_TRUE(useful_ranks(tight, seconds_of_7b));
}

TEST(Transfers, NodesAddUpToWhatTheFileSystemCanDo) {
    CostModel model;
    model.rates.read_gbps = 2;
    model.rates.write_gbps = 1;
    model.rates.storage_gbps = 7;
    EXPECT_DOUBLE_EQ(Transfers({16, 16, {}}, model).reading_seconds(14e9), 7);
    EXPECT_DOUBLE_EQ(Transfers({48, 16, {}}, model).reading_seconds(14e9), 14.0 / 6);
    EXPECT_DOUBLE_EQ(Transfers({64, 16, {}}, model).reading_seconds(14e9), 2);
    EXPECT_DOUBLE_EQ(Transfers({640, 16, {}}, model).writing_seconds(14e9), 2);
    EXPECT_EQ(Transfers({1, 1, {}}, model).message_seconds(), 0);
    EXPECT_EQ(Transfers({1, 1, {}}, model).gather_seconds(1e9), 0);
    EXPECT_GT(Transfers({32, 16, {}}, model).gather_seconds(1e9), 1 / model.rates.network_gbps);
    EXPECT_GT(Transfers({32, 16, {}}, model).sum_over_nodes_seconds(1e9),
              2 / model.rates.network_gbps);
    EXPECT_LT(Transfers({16, 16, {}}, model).sum_seconds(1e6),
              Transfers({32, 16, {}}, model).sum_seconds(1e6));
}

}  // namespace
}  // namespace alphaprune::planning
