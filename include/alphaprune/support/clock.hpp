#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace alphaprune::support {

/// Seconds since it was made or restarted, on a clock that never jumps.
class Stopwatch {
  public:
    double seconds() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    }
    void restart() { start_ = std::chrono::steady_clock::now(); }

  private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Now, as 2026-01-31T12:00:00Z. The environment's SOURCE_DATE_EPOCH, if set, is taken instead of
/// the clock, so that two runs can be compared byte for byte.
std::string utc_timestamp();

/// A duration for people: "0.4 s", "12 s", "3 min 05 s", "2 h 10 min".
std::string human_duration(double seconds);

/// "D-HH:MM:SS", "HH:MM:SS" or "MM:SS", as users and Slurm write durations, in seconds; nothing for
/// anything else. Each number has at most nine digits.
std::optional<double> seconds_of(std::string_view text);

}  // namespace alphaprune::support
