#include "alphaprune/report/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "alphaprune/support/environment.hpp"
#include "alphaprune/support/log.hpp"

namespace alphaprune::report {
namespace {

constexpr double kLiveInterval = 0.1;  // seconds between two pictures of the live line
constexpr double kLogInterval = 10;    // seconds between two lines of the log
constexpr auto kClearLine = "\r\033[K";

std::string rate_text(double per_second) {
    if (per_second >= 10) {
        return fmt::format("{:.0f}/s", per_second);
    }
    if (per_second >= 1) {
        return fmt::format("{:.1f}/s", per_second);
    }
    if (per_second * 60 >= 1) {
        return fmt::format("{:.1f}/min", per_second * 60);
    }
    return fmt::format("{:.1f}/h", per_second * 3600);
}

/// The program writes no colors (NO_COLOR has nothing to turn off), and of what terminals do only
/// that a line is cleared.
bool can_clear_lines() {
    return support::environment_variable("TERM").value_or("") != "dumb";
}

}  // namespace

std::string progress_text(const std::string& phase, const std::string& unit, std::int64_t done,
                          std::int64_t total, double seconds) {
    std::string text = fmt::format("{}: {}/{} {}", phase, done, total, unit);
    if (done >= total) {
        return text + fmt::format(" in {}", support::human_duration(seconds));
    }
    if (done > 0 && seconds > 0) {
        const double rate = static_cast<double>(done) / seconds;
        text += fmt::format(", {}, {} left", rate_text(rate),
                            support::human_duration(static_cast<double>(total - done) / rate));
    }
    return text;
}

ProgressLine::ProgressLine(std::string phase, std::string unit, bool speaks)
    : phase_(std::move(phase)),
      unit_(std::move(unit)),
      speaks_(speaks),
      terminal_(speaks && isatty(STDERR_FILENO) == 1 && can_clear_lines()) {}

ProgressLine::~ProgressLine() {
    if (line_open_) {
        support::write_to_stderr(kClearLine);
    }
}

void ProgressLine::update(std::int64_t done, std::int64_t total) {
    if (!speaks_ || (done == shown_done_ && done >= total)) {
        return;
    }
    const double now = watch_.seconds();
    const bool complete = done >= total;
    const std::string text = progress_text(phase_, unit_, done, total, now);
    if (terminal_ && (complete || now - shown_at_ >= kLiveInterval)) {
        support::write_to_stderr(kClearLine + text);
        line_open_ = true;
        shown_at_ = now;
    }
    if (complete || now - logged_at_ >= kLogInterval) {
        if (terminal_) {
            support::log_to_file(text);
        } else {
            support::log_info(text);
        }
        logged_at_ = now;
    }
    shown_done_ = done;
}

}  // namespace alphaprune::report
