#include "time_limit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <limits>
#include <optional>
#include <string>

#include "alphaprune/support/child_process.hpp"
#include "alphaprune/support/environment.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/stop.hpp"
#include "duration.hpp"

namespace alphaprune {
namespace {

bool only_digits(const std::string& text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

/// Until the Slurm job ends, by its environment or, where that does not say, by squeue.
std::optional<double> seconds_of_slurm_job() {
    const auto end = environment_variable("SLURM_JOB_END_TIME");
    if (end && only_digits(*end)) {
        return std::stod(*end) - static_cast<double>(std::time(nullptr));
    }
    const auto job = environment_variable("SLURM_JOB_ID");
    if (!job || !only_digits(*job)) {
        return std::nullopt;
    }
    const std::string left = output_of({"squeue", "-h", "-j", *job, "-o", "%L"});
    return seconds_of(left.substr(0, left.find_first_of(" \n")));  // "UNLIMITED", "INVALID": none
}

void set_deadline_in(double seconds, const char* reason) {
    if (std::isfinite(seconds)) {
        set_deadline(std::chrono::steady_clock::now() +
                         std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1e3)),
                     reason);
    }
}

}  // namespace

double stopping_time(double limit) {
    constexpr double kShare = 0.05;
    constexpr double kLeast = 2;
    constexpr double kMost = 60;
    return std::min(std::clamp(limit * kShare, kLeast, kMost), limit / 2);
}

std::optional<double> set_time_limit(const Communicator& ranks, const Options& options,
                                     const Stopwatch& start) {
    constexpr double kNone = std::numeric_limits<double>::infinity();
    double max_time[2] = {kNone, kNone};  // until the stop, for stopping
    double slurm[2] = {kNone, kNone};
    if (ranks.is_root()) {
        if (options.max_seconds) {
            max_time[1] = stopping_time(*options.max_seconds);
            max_time[0] = *options.max_seconds - max_time[1] - start.seconds();
        }
        if (const auto left = seconds_of_slurm_job()) {
            slurm[1] = stopping_time(*left);
            slurm[0] = *left - slurm[1];
        }
    }
    ranks.broadcast(std::span<double>(max_time));
    ranks.broadcast(std::span<double>(slurm));
    set_deadline_in(max_time[0], "--max-time is nearly over");
    set_deadline_in(slurm[0], "the Slurm job is near its end");
    const double* const first = max_time[0] <= slurm[0] ? max_time : slurm;
    if (!std::isfinite(first[0])) {
        return std::nullopt;
    }
    log_info(fmt::format("stops after {} at the latest ({}), to be continued with --resume",
                         human_duration(std::max(first[0], 0.0)),
                         first == max_time ? "--max-time" : "the end of the Slurm job"));
    return first[1];
}

}  // namespace alphaprune
