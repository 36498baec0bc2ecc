#pragma once

#include <ctime>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/support/environment.hpp"

namespace alphaprune::support {

/// The job of a batch system that this process belongs to.
struct BatchJob {
    std::string system;  ///< "Slurm"
    double seconds = 0;  ///< until its end
};

/// What a program writes to its standard output, given as words; empty when it fails.
using CommandOutput = std::function<std::string(const std::vector<std::string>& words)>;

/// By the environment or, where that does not say, by asking the batch system: Slurm
/// (SLURM_JOB_END_TIME, squeue), PBS and Torque (qstat), LSF (bjobs) and Flux (flux job timeleft).
/// Nothing outside of a job, and where the job has no end or its end cannot be known.
std::optional<BatchJob> batch_job(const EnvironmentLookup& environment, const CommandOutput& run,
                                  std::time_t now);

/// What a program, looked up in PATH, writes to its standard output, without a shell. Its standard
/// error is discarded. Empty when it cannot be run, fails, or is not done after 5 s.
std::string output_of(const std::vector<std::string>& words);

}  // namespace alphaprune::support
