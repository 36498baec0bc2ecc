#include "alphaprune/parallel/runtime.hpp"

#include <gtest/gtest.h>

#include <map>
#include <ostream>

namespace alphaprune::parallel {

// For GoogleTest, which finds it by the namespace.
std::ostream& operator<<(std::ostream& out, const Launch& launch) {
    constexpr const char* kKinds[] = {"alone", "in a job", "unconnected"};
    return out << kKinds[static_cast<int>(launch.kind)] << ", rank " << launch.rank.value_or(-1)
               << " of " << launch.ranks.value_or(-1);
}

namespace {

using Kind = Launch::Kind;
using Variables = std::map<std::string, std::string>;

Launch launched(const Variables& variables, SlurmSupport support = SlurmSupport::pmi) {
    return launch_of(
        [&](const std::string& name) {
            const auto found = variables.find(name);
            return found == variables.end() ? std::nullopt : std::optional(found->second);
        },
        support);
}

/// What srun sets in every task.
Variables slurm_step(int task, int tasks, Variables more = {}) {
    more.merge(Variables{{"SLURM_JOB_ID", "7"},
                         {"SLURM_STEP_ID", "0"},
                         {"SLURM_PROCID", std::to_string(task)},
                         {"SLURM_NTASKS", std::to_string(tasks)},
                         {"SLURM_STEP_NUM_TASKS", std::to_string(tasks)}});
    return more;
}

void expect(const Launch& launch, Kind kind, std::optional<int> rank, std::optional<int> ranks) {
    EXPECT_TRUE(launch.kind == kind && launch.rank == rank && launch.ranks == ranks) << launch;
}

TEST(Launch, ByAShellItIsAlone) {
    expect(launched({}), Kind::alone, {}, {});
    expect(launched({{"OMPI_MCA_btl", "tcp"}, {"PMIX_MCA_gds", "hash"}, {"PMI_DEBUG", "1"}}),
           Kind::alone, {}, {});
}

TEST(Launch, EachLauncherIsKnownByItsVariables) {
    const Variables several[] = {
        {{"OMPI_COMM_WORLD_RANK", "3"}, {"OMPI_COMM_WORLD_SIZE", "8"}},
        {{"MV2_COMM_WORLD_RANK", "3"}, {"MV2_COMM_WORLD_SIZE", "8"}},
        {{"MVP_COMM_WORLD_RANK", "3"}, {"MVP_COMM_WORLD_SIZE", "8"}},
        {{"PMI_RANK", "3"}, {"PMI_SIZE", "8"}, {"PMI_FD", "9"}},
        {{"FLUX_TASK_RANK", "3"}, {"FLUX_JOB_SIZE", "8"}},
        {{"JSM_NAMESPACE_RANK", "3"}, {"JSM_NAMESPACE_SIZE", "8"}},
        slurm_step(3, 8, {{"PMIX_RANK", "3"}, {"PMIX_NAMESPACE", "slurm.pmix.7.0"}}),
        slurm_step(3, 8, {{"PMI_RANK", "3"}, {"PMI_SIZE", "8"}, {"PMI_FD", "9"}}),
    };
    for (const Variables& variables : several) {
        expect(launched(variables), Kind::in_job, 3, 8);
    }
    for (const char* rank : {"PALS_RANKID", "ALPS_APP_PE", "PMIX_RANK"}) {
        expect(launched({{rank, "3"}}), Kind::in_job, 3, {});
    }
    for (const char* connection : {"PMI_FD", "PMI_PORT", "PMIX_NAMESPACE"}) {
        expect(launched({{connection, "9"}}), Kind::in_job, {}, {});
    }
}

TEST(Launch, TheOnlyProcessOfALauncherIsAlone) {
    expect(launched({{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "1"}}), Kind::alone, 0,
           1);
    expect(launched({{"PMI_RANK", "0"}, {"PMI_SIZE", "1"}}), Kind::alone, 0, 1);
    expect(launched(slurm_step(0, 1, {{"PMIX_RANK", "0"}, {"PMIX_NAMESPACE", "slurm.pmix.7.0"}})),
           Kind::alone, 0, 1);
    // One of several jobs that srun starts as one, of one task each.
    expect(
        launched(slurm_step(
            0, 1,
            {{"PMIX_RANK", "0"}, {"PMIX_NAMESPACE", "slurm.pmix.7.0"}, {"SLURM_HET_SIZE", "2"}})),
        Kind::in_job, 0, {});
}

TEST(Launch, TheInnermostLauncherCounts) {
    // mpirun in a Slurm job: the step is that of mpirun's daemons, one a node.
    expect(
        launched(slurm_step(0, 1, {{"OMPI_COMM_WORLD_RANK", "2"}, {"OMPI_COMM_WORLD_SIZE", "4"}})),
        Kind::in_job, 2, 4);
    expect(launched(slurm_step(0, 1, {{"PMI_RANK", "2"}, {"PMI_SIZE", "4"}})), Kind::in_job, 2, 4);
    expect(launched(slurm_step(0, 1, {{"PMIX_RANK", "2"}, {"PMIX_NAMESPACE", "prterun-n1-5@1"}})),
           Kind::in_job, 2, {});
}

TEST(Launch, ASlurmJobWithoutPmi) {
    expect(launched(slurm_step(0, 1)), Kind::alone, {}, {});  // srun --pty bash, say
    expect(launched({{"SLURM_STEP_ID", "0"}, {"SLURM_JOB_ID", "1"}, {"SLURM_PROCID", "0"}}),
           Kind::alone, {}, {});
    // The shell of salloc on a login node, a job's script, the shell of salloc on a node.
    expect(launched({{"SLURM_JOB_ID", "7"}, {"SLURM_NTASKS", "8"}}), Kind::alone, {}, {});
    expect(launched({{"SLURM_JOB_ID", "7"}, {"SLURM_NTASKS", "8"}, {"SLURM_PROCID", "0"}}),
           Kind::alone, {}, {});
    expect(launched({{"SLURM_JOB_ID", "7"},
                     {"SLURM_NTASKS", "8"},
                     {"SLURM_PROCID", "0"},
                     {"SLURM_STEP_ID", "4294967290"}}),
           Kind::alone, {}, {});
}

TEST(Launch, SeveralTasksWithoutPmiDoNotFindEachOther) {
    expect(launched(slurm_step(3, 4)), Kind::unconnected, 3, 4);
    expect(launched({{"SLURM_STEPID", "0"}, {"SLURM_PROCID", "1"}, {"SLURM_NTASKS", "2"}}),
           Kind::unconnected, 1, 2);
    // An MPI library that knows Slurm's own way finds out by itself.
    expect(launched(slurm_step(3, 4), SlurmSupport::none), Kind::in_job, 3, 4);
}

TEST(Launch, OnlyTheFirstProcessSpeaks) {
    EXPECT_TRUE(launched({}).speaks());
    EXPECT_TRUE(launched(slurm_step(0, 4)).speaks());
    EXPECT_FALSE(launched(slurm_step(1, 4)).speaks());
}

TEST(Launch, WhatIsNoNumberIsNoRank) {
    expect(launched({{"PMI_RANK", "one"}, {"OMPI_COMM_WORLD_RANK", "-1"}, {"PALS_RANKID", ""}}),
           Kind::alone, {}, {});
}

}  // namespace
}  // namespace alphaprune::parallel
