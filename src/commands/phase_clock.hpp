#pragma once

#include <string>
#include <utility>
#include <vector>

#include "alphaprune/support/clock.hpp"

namespace alphaprune::commands {

/// Names and seconds of the phases of a job, in order.
class PhaseClock {
  public:
    /// Runs `action` and books its time under `phase`.
    template <class Action>
    auto measure(const std::string& phase, Action&& action) {
        const Booking booking{*this, phase, support::Stopwatch{}};
        return action();
    }

    double total() const { return total_.seconds(); }
    const std::vector<std::pair<std::string, double>>& phases() const { return phases_; }

  private:
    struct Booking {
        PhaseClock& clock;
        std::string phase;
        support::Stopwatch watch;
        ~Booking() { clock.phases_.emplace_back(phase, watch.seconds()); }
    };

    support::Stopwatch total_;
    std::vector<std::pair<std::string, double>> phases_;
};

}  // namespace alphaprune::commands
