#include "job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "alphaprune/support/batch_job.hpp"
#include "alphaprune/support/environment.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/stop.hpp"

namespace alphaprune::commands {
namespace {

void set_deadline_in(double seconds, std::string_view reason) {
    if (std::isfinite(seconds)) {
        support::set_deadline(
            std::chrono::steady_clock::now() +
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

std::optional<double> set_time_limit(const parallel::Communicator& ranks,
                                     const cli::Options& options, const support::Stopwatch& start) {
    constexpr double kNone = std::numeric_limits<double>::infinity();
    double max_time[2] = {kNone, kNone};  // until the stop, for stopping
    double job_end[2] = {kNone, kNone};
    std::string system;
    if (ranks.is_root()) {
        if (options.max_seconds) {
            max_time[1] = stopping_time(*options.max_seconds);
            max_time[0] = *options.max_seconds - max_time[1] - start.seconds();
        }
        if (const auto job = support::batch_job(support::environment_variable, support::output_of,
                                                std::time(nullptr))) {
            job_end[1] = stopping_time(job->seconds);
            job_end[0] = job->seconds - job_end[1];
            system = job->system;
        }
    }
    ranks.broadcast(std::span<double>(max_time));
    ranks.broadcast(std::span<double>(job_end));
    system = ranks.broadcast_text(system);
    set_deadline_in(max_time[0], "--max-time is nearly over");
    set_deadline_in(job_end[0], fmt::format("the {} job is near its end", system));
    const double* const first = max_time[0] <= job_end[0] ? max_time : job_end;
    if (!std::isfinite(first[0])) {
        return std::nullopt;
    }
    support::log_info(fmt::format(
        "stops after {} at the latest ({}), to be continued with --resume",
        support::human_duration(std::max(first[0], 0.0)),
        first == max_time ? "--max-time" : fmt::format("the end of the {} job", system)));
    return first[1];
}

}  // namespace alphaprune::commands
