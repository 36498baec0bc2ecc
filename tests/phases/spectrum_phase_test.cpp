#include "alphaprune/phases/spectrum_phase.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <set>

#include "alphaprune/planning/shard_plan.hpp"
#include "phases/planned_spectra.hpp"
#include "phases/shared_model.hpp"

namespace alphaprune::phases {
namespace {

using test::SharedModel;
using test::world;

void expect_same_bits(const spectrum::ShapeMetrics& a, const spectrum::ShapeMetrics& b) {
    for (std::size_t m = 0; m < spectrum::kMetrics; ++m) {
        EXPECT_EQ(std::bit_cast<std::uint64_t>(a.values[m]),
                  std::bit_cast<std::uint64_t>(b.values[m]))
            << spectrum::name_of(static_cast<spectrum::Metric>(m));
    }
}

TEST(SpectrumPhase, AllRanksKnowTheBitsThatOneRankAloneFinds) {
    const SharedModel model(support::ScalarType::bfloat16);
    const parallel::Communicator alone = world().split(world().rank(), 0);
    const auto together = compute_spectra(world(), model.catalogue(), {}, {});
    const auto serial = compute_spectra(alone, model.catalogue(), {}, {});
    for (std::size_t m = 0; m < model.catalogue().matrices.size(); ++m) {
        expect_same_bits(together.matrices[m].metrics, serial.matrices[m].metrics);
        EXPECT_TRUE(std::isfinite(together.matrices[m].metrics[spectrum::Metric::alpha_mid]));
        const bool mine = together.matrices[m].owner == world().rank();
        EXPECT_EQ(together.eigenvalues[m].empty(), !mine);
        if (mine) {
            EXPECT_EQ(together.eigenvalues[m], serial.eigenvalues[m]);
        }
    }
}

TEST(SpectrumPhase, ThreadsTakeMatricesAsRanksDo) {
    const SharedModel model(support::ScalarType::bfloat16);
    const auto serial = compute_spectra(world(), model.catalogue(), {}, {});
    SpectrumOptions options;
    options.threads = 3;
    std::int64_t last = 0;
    const auto threaded = compute_spectra(world(), model.catalogue(), options,
                                          [&](std::int64_t done, std::int64_t) { last = done; });
    for (std::size_t m = 0; m < serial.matrices.size(); ++m) {
        expect_same_bits(threaded.matrices[m].metrics, serial.matrices[m].metrics);
    }
    if (world().is_root()) {
        EXPECT_EQ(last, std::ssize(model.catalogue().matrices));
    }
}

TEST(SpectrumPhase, SolversOfGroupsOfRanksAreUsedByOneThread) {
    const SharedModel model(support::ScalarType::float32);
    const auto expected = compute_spectra(world(), model.catalogue(), {}, {});
    for (const linalg::Solver solver :
         {linalg::Solver::elpa1, linalg::Solver::elpa2, linalg::Solver::scalapack}) {
        if (!linalg::is_built_in(solver)) {
            continue;
        }
        for (const int group : std::set{1, world().size()}) {
            SpectrumOptions options{solver, group};
            options.threads = 4;
            std::set<std::int64_t> told;
            const auto found =
                compute_spectra(world(), model.catalogue(), options,
                                [&](std::int64_t done, std::int64_t) { told.insert(done); });
            for (std::size_t m = 0; m < expected.matrices.size(); ++m) {
                EXPECT_EQ(found.matrices[m].solver, solver);
                EXPECT_NEAR(found.matrices[m].metrics[spectrum::Metric::alpha_mid],
                            expected.matrices[m].metrics[spectrum::Metric::alpha_mid], 1e-8);
            }
            if (world().size() == 1) {  // who works tells it after each matrix, who only looks on
                EXPECT_EQ(told.size(), model.catalogue().matrices.size());  // now and then
            }
        }
    }
}

TEST(SpectrumPhase, GroupsOfEverySizeAgreeWithOneRank) {
    const SharedModel model(support::ScalarType::float32);
    const parallel::Communicator alone = world().split(world().rank(), 0);
    const auto serial = compute_spectra(alone, model.catalogue(), {}, {});
    for (int group = 1; group <= world().size(); ++group) {
        const auto grouped = compute_spectra(
            world(), model.catalogue(),
            {linalg::Solver::scalapack, group, linalg::Precision::in_double, false}, {});
        for (std::size_t m = 0; m < serial.matrices.size(); ++m) {
            EXPECT_NEAR(grouped.matrices[m].metrics[spectrum::Metric::alpha_mid],
                        serial.matrices[m].metrics[spectrum::Metric::alpha_mid], 1e-8);
            EXPECT_TRUE(grouped.eigenvalues[m].empty());
        }
    }
}

TEST(SpectrumPhase, ProgressEndsAtTheWhole) {
    const SharedModel model(support::ScalarType::float16);
    std::int64_t last = -1;
    compute_spectra(world(), model.catalogue(), {}, [&](std::int64_t done, std::int64_t total) {
        EXPECT_GE(done, last);
        EXPECT_EQ(total, 21);
        last = done;
    });
    EXPECT_EQ(last, world().is_root() ? 21 : -1);
}

/// All matrices of some kind have an infinity as first value.
void damage_all(const std::filesystem::path& folder, std::string_view kind) {
    const test::LlamaSizes sizes{12, 32, 56, 4, 2, 32};
    auto tensors = test::llama_tensors(sizes, 1, support::ScalarType::bfloat16);
    for (auto& tensor : tensors) {
        if (tensor.name.ends_with(kind)) {
            tensor.bytes[0] = std::byte{0x80};
            tensor.bytes[1] = std::byte{0x7F};
        }
    }
    test::write_model_folder(folder, test::llama_config(sizes), tensors);
}

TEST(SpectrumPhase, TheFirstDamagedMatrixEndsThePhaseOnAllRanks) {
    const SharedModel model(
        [](const std::filesystem::path& folder) { damage_all(folder, "proj.weight"); });
    for (const int threads : {1, 3}) {
        SpectrumOptions options;
        options.threads = threads;
        std::int64_t done = 0;
        try {
            compute_spectra(world(), model.catalogue(), options,
                            [&](std::int64_t so_far, std::int64_t) { done = so_far; });
            ADD_FAILURE() << "no error";
        } catch (const support::Error& error) {
            EXPECT_TRUE(error.agreed());
            EXPECT_EQ(error.status(), support::ExitStatus::bad_request);
            // Each may have met one before it heard of the others'.
            EXPECT_GE(error.faults().size(), 1U);
            EXPECT_LE(error.faults().size(), static_cast<std::size_t>(threads * world().size()))
                << error.what();
            EXPECT_NE(std::string(error.what()).find("_proj.weight"), std::string::npos);
        }
        EXPECT_EQ(done, 0);
    }
}

/// All matrices in groups of one size, but for the last ones, on single ranks.
planning::ShardPlan two_stages(const model::Catalogue& catalogue, int group_ranks) {
    planning::ShardPlan plan;
    plan.stages = {{group_ranks, {}}, {1, {}}};
    const auto matrices = static_cast<int>(catalogue.matrices.size());
    for (int m = 0; m < matrices; ++m) {
        plan.stages[m < matrices - 5 ? 0 : 1].matrices.push_back(
            {m, linalg::Solver::two_stage, 0, 0});
    }
    return plan;
}

TEST(SpectrumPhase, StagesOfGroupsFindTheBitsOfSingleRanks) {
    const SharedModel model(support::ScalarType::float16);
    const parallel::Communicator alone = world().split(world().rank(), 0);
    const SpectrumOptions options{linalg::Solver::two_stage};
    const auto serial = compute_spectra(alone, model.catalogue(), options, {});
    for (int group = 1; group <= world().size(); ++group) {
        const auto grouped = compute_spectra(world(), model.catalogue(), options,
                                             two_stages(model.catalogue(), group), {});
        for (std::size_t m = 0; m < serial.matrices.size(); ++m) {
            expect_same_bits(grouped.matrices[m].metrics, serial.matrices[m].metrics);
            EXPECT_EQ(grouped.matrices[m].group_ranks, m + 5 < serial.matrices.size() ? group : 1);
        }
    }
}

TEST(SpectrumPhase, GroupsFormWhereMemoryIsShort) {
    const SharedModel model(support::ScalarType::float32);
    SpectrumOptions options{linalg::Solver::two_stage};
    const planning::ShardPlan plan = plan_spectra(world(), model.catalogue(), options);
    EXPECT_EQ(plan.stages.back().group_ranks, 1);
    options.memory_per_rank =
        planning::program_memory({world().size(), world().size(), {}}) + plan.memory - 1;
    if (world().size() == 1) {
        try {
            plan_spectra(world(), model.catalogue(), options);
            ADD_FAILURE() << "no error";
        } catch (const support::Error& error) {
            EXPECT_TRUE(error.agreed());
            EXPECT_EQ(error.status(), support::ExitStatus::bad_request);
        }
        return;
    }
    const planning::ShardPlan shared = plan_spectra(world(), model.catalogue(), options);
    EXPECT_GT(shared.stages.front().group_ranks, 1);
    EXPECT_LT(shared.memory, plan.memory);
    const auto results = compute_spectra(world(), model.catalogue(), options, shared, {});
    const auto whole =
        compute_spectra(world(), model.catalogue(), {linalg::Solver::two_stage}, plan, {});
    for (std::size_t m = 0; m < whole.matrices.size(); ++m) {
        expect_same_bits(results.matrices[m].metrics, whole.matrices[m].metrics);
    }
}

TEST(SpectrumPhase, ADamagedMatrixInAGroupLeavesNobodyWaiting) {
    const SharedModel model([](const std::filesystem::path& folder) {
        const test::LlamaSizes sizes{3, 32, 56, 4, 2, 32};
        auto tensors = test::llama_tensors(sizes, 1, support::ScalarType::bfloat16);
        for (auto& tensor : tensors) {
            if (tensor.name == "model.layers.1.mlp.up_proj.weight") {
                tensor.bytes[0] = std::byte{0x80};
                tensor.bytes[1] = std::byte{0x7F};
            }
        }
        test::write_model_folder(folder, test::llama_config(sizes), tensors);
    });
    for (int group = 1; group <= world().size(); ++group) {
        try {
            compute_spectra(world(), model.catalogue(), {linalg::Solver::two_stage},
                            two_stages(model.catalogue(), group), {});
            ADD_FAILURE() << "no error";
        } catch (const support::Error& error) {
            EXPECT_TRUE(error.agreed());
            EXPECT_EQ(error.faults().size(), 1U) << error.what();
        }
    }
}

}  // namespace
}  // namespace alphaprune::phases
