// How much time a batch system leaves, told by its environment or by its own programs.
#include "alphaprune/support/batch_job.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

namespace alphaprune::support {
namespace {

using Variables = std::map<std::string, std::string>;

/// A node on which one program says something.
struct Answer {
    std::vector<std::string> to;
    std::string text;
};

std::optional<BatchJob> job_of(const Variables& variables, const Answer& answer = {},
                               std::time_t now = 1000) {
    return batch_job(
        [&](const std::string& name) {
            const auto found = variables.find(name);
            return found == variables.end() ? std::nullopt : std::optional(found->second);
        },
        [&](const std::vector<std::string>& words) {
            return words == answer.to ? answer.text : std::string();
        },
        now);
}

void expect_left(const std::optional<BatchJob>& job, const std::string& system, double seconds) {
    ASSERT_TRUE(job);
    EXPECT_EQ(job->system, system);
    EXPECT_EQ(job->seconds, seconds);
}

TEST(BatchJob, OutsideOfAJobThereIsNone) {
    EXPECT_FALSE(job_of({}));
    EXPECT_FALSE(job_of({{"PBS_JOBID", "--version"}}, {{"qstat", "-f", "--version"}, "1"}));
    EXPECT_FALSE(job_of({{"PBS_JOBID", "7"}, {"LSB_JOBID", "7"}, {"SLURM_JOB_ID", "7"}}));
}

TEST(BatchJob, SlurmSaysItInTheEnvironmentOrWhenAsked) {
    expect_left(job_of({{"SLURM_JOB_END_TIME", "1600"}}), "Slurm", 600);
    const Answer squeue{{"squeue", "-h", "-j", "12", "-o", "%L"}, "1-00:10:00 \n"};
    expect_left(job_of({{"SLURM_JOB_ID", "12"}}, squeue), "Slurm", 87000);
    EXPECT_FALSE(job_of({{"SLURM_JOB_ID", "12"}}, {squeue.to, "UNLIMITED\n"}));
}

TEST(BatchJob, PbsKnowsWhenTheJobWasStarted) {
    setenv("TZ", "UTC", 1);
    constexpr std::time_t kStart = 1795809604;  // Fri Nov 27 20:00:04 2026
    const Answer qstat{{"qstat", "-f", "12[3].pbs"},
                       "Job Id: 12[3].pbs\n    Job_Name = run\n"
                       "    resources_used.walltime = 00:01:00\n"
                       "    Resource_List.walltime = 02:00:00\n"
                       "    stime = Fri Nov 27 20:00:04 2026\n\teligible_time = 00:00:00\n"};
    expect_left(job_of({{"PBS_JOBID", "12[3].pbs"}}, qstat, kStart + 200), "PBS", 7000);
    Answer without_start = qstat;
    without_start.text.replace(without_start.text.find("stime"), 5, "other");
    expect_left(job_of({{"PBS_JOBID", "12[3].pbs"}}, without_start, kStart), "PBS", 7140);
    EXPECT_FALSE(job_of({{"PBS_JOBID", "12[3].pbs"}}, {qstat.to, "    stime = now\n"}));
}

TEST(BatchJob, TorqueSaysWhatRemains) {
    const Answer qstat{{"qstat", "-f", "7.server"},
                       "Job Id: 7.server\n    Resource_List.walltime = 01:00:00\n"
                       "    Walltime.Remaining = 3350\n"};
    expect_left(job_of({{"PBS_JOBID", "7.server"}}, qstat), "PBS", 3350);
}

TEST(BatchJob, LsfCountsMinutesUntilTheLimit) {
    const Answer bjobs{{"bjobs", "-noheader", "-o", "time_left", "9"}, "  1:05 L \n"};
    expect_left(job_of({{"LSB_JOBID", "9"}, {"LSB_JOBINDEX", "0"}}, bjobs), "LSF", 3900);
    const Answer array{{"bjobs", "-noheader", "-o", "time_left", "9[4]"}, "00:09 L"};
    expect_left(job_of({{"LSB_JOBID", "9"}, {"LSB_JOBINDEX", "4"}}, array), "LSF", 540);
    EXPECT_FALSE(job_of({{"LSB_JOBID", "9"}}, {bjobs.to, "1:05 E"})) << "a guess";
    EXPECT_FALSE(job_of({{"LSB_JOBID", "9"}}, {bjobs.to, "-"}));
}

TEST(BatchJob, FluxCountsSeconds) {
    const Answer flux{{"flux", "job", "timeleft"}, "1799.5\n"};
    expect_left(job_of({{"FLUX_JOB_ID", "fABC"}}, flux), "Flux", 1799.5);
    EXPECT_FALSE(job_of({{"FLUX_JOB_ID", "fABC"}}, {flux.to, "infinity"}));
}

}  // namespace
}  // namespace alphaprune::support
