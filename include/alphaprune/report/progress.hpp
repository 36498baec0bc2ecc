#pragma once

#include <cstdint>
#include <string>

#include "alphaprune/support/clock.hpp"

namespace alphaprune::report {

/// Shows how far a phase has got. On a terminal: one live line (done, rate, time left); the log
/// file, and standard error when it is no terminal, get plain lines at most every ten seconds.
class ProgressLine {
  public:
    /// @param phase  "spectrum", …
    /// @param unit   plural of what is counted: "matrices", "tensors"
    /// @param speaks false on ranks other than 0: every call is then without effect
    ProgressLine(std::string phase, std::string unit, bool speaks);
    ~ProgressLine();  ///< ends the live line
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;

    void update(std::int64_t done, std::int64_t total);

  private:
    std::string phase_;
    std::string unit_;
    bool speaks_;
    bool terminal_;
    bool line_open_ = false;
    std::int64_t shown_done_ = -1;
    double shown_at_ = -1e9;
    double logged_at_ = 0;
    support::Stopwatch watch_;
};

/// "spectrum: 12/56 matrices, 8.1/s, 5.4 s left" – the words of a progress line.
std::string progress_text(const std::string& phase, const std::string& unit, std::int64_t done,
                          std::int64_t total, double seconds);

}  // namespace alphaprune::report
