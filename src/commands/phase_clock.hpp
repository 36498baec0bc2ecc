#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "alphaprune/support/clock.hpp"

namespace alphaprune::commands {

/// Names and seconds of the phases of a job, in the order in which they first ended; each name
/// once.
class PhaseClock {
  public:
    /// Runs `action` and adds its time to that of `phase`.
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
        ~Booking() { clock.add(phase, watch.seconds()); }
    };

    void add(const std::string& phase, double seconds) {
        const auto found =
            std::ranges::find(phases_, phase, &std::pair<std::string, double>::first);
        if (found != phases_.end()) {
            found->second += seconds;
        } else {
            phases_.emplace_back(phase, seconds);
        }
    }

    support::Stopwatch total_;
    std::vector<std::pair<std::string, double>> phases_;
};

}  // namespace alphaprune::commands
