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
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/stop.hpp"
#include "duration.hpp"
#include "environment_variable.hpp"

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

}  // namespace

double stopping_time(double limit) {
    constexpr double kShare = 0.05;
    constexpr double kLeast = 2;
    constexpr double kMost = 60;
    return std::min(std::clamp(limit * kShare, kLeast, kMost), limit / 2);
}

void set_time_limit(const Communicator& ranks, const Options& options, const Stopwatch& start) {
    constexpr double kNone = std::numeric_limits<double>::infinity();
    double left[2] = {kNone, kNone};  // by --max-time, by Slurm
    if (ranks.is_root()) {
        if (options.max_seconds) {
            left[0] = *options.max_seconds - stopping_time(*options.max_seconds) - start.seconds();
        }
        if (const auto slurm = seconds_of_slurm_job()) {
            left[1] = *slurm - stopping_time(*slurm);
        }
    }
    ranks.broadcast(std::span<double>(left));
    const auto now = std::chrono::steady_clock::now();
    const auto set = [&](double seconds, const char* reason) {
        if (std::isfinite(seconds)) {
            set_deadline(now + std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1e3)),
                         reason);
        }
    };
    set(left[0], "--max-time is nearly over");
    set(left[1], "the Slurm job is near its end");
    if (const double least = std::min(left[0], left[1]); std::isfinite(least)) {
        log_info(fmt::format("stops after {} at the latest ({}), to be continued with --resume",
                             human_duration(std::max(least, 0.0)),
                             left[0] <= left[1] ? "--max-time" : "the end of the Slurm job"));
    }
}

}  // namespace alphaprune
