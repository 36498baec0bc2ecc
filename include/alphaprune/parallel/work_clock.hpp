#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/support/clock.hpp"

namespace alphaprune::parallel {

/// What a rank spends its time on.
enum class Work {
    read,        ///< weights
    forward,     ///< passes of sequences through blocks and the head
    statistics,  ///< of the inputs of matrices
    prune,       ///< factoring, choosing and correcting weights
    exchange,    ///< between nodes
    write,       ///< pruned rows, hidden states
    wait,        ///< for other ranks
    other,
};
inline constexpr std::size_t kWorks = 8;

/// "read", "forward", …
std::string_view name_of(Work work);

/// Seconds of each kind.
struct WorkSeconds {
    std::array<double, kWorks> of{};

    double& operator[](Work work) { return of[static_cast<std::size_t>(work)]; }
    double operator[](Work work) const { return of[static_cast<std::size_t>(work)]; }
    double total() const;
    /// All but waiting.
    double busy() const { return total() - (*this)[Work::wait]; }
};

/// What one rank did in a phase.
struct RankTimes {
    WorkSeconds phase;                                ///< all of it
    std::vector<std::pair<int, WorkSeconds>> blocks;  ///< number of a decoder block, and its part
};

/// Books the time of one rank: at any moment it counts as one kind of work, within scopes as the
/// innermost says. For the thread that communicates alone. Two readings of the clock a scope.
class WorkClock {
  public:
    /// Ends with its block of code; the work around goes on.
    class Scope {
      public:
        Scope(WorkClock& clock, Work work) : clock_(clock), before_(clock.turn_to(work)) {}
        ~Scope() { clock_.turn_to(before_); }
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;

      private:
        WorkClock& clock_;
        Work before_;
    };

    [[nodiscard]] Scope during(Work work) { return {*this, work}; }

    /// What was booked before is forgotten. @pre outside of all scopes
    void begin_phase();
    /// From here on time counts for this block, too, until the next one begins or blocks end.
    void begin_block(int block);
    void end_blocks();

    /// Until now.
    const RankTimes& times();

  private:
    Work turn_to(Work work);

    support::Stopwatch since_;  ///< booked until then
    Work work_ = Work::other;
    std::optional<std::size_t> block_;  ///< index into times_.blocks
    RankTimes times_;
};

/// As run_collectively; waiting for the others at its end counts as such.
template <class Action>
void work_collectively(const Communicator& ranks, WorkClock& clock, Action&& action) {
    support::FirstError problem;
    problem.guard(action);
    const WorkClock::Scope waiting = clock.during(Work::wait);
    agree(ranks, problem.get());
}
/// The action being work of one kind.
template <class Action>
void work_collectively(const Communicator& ranks, WorkClock& clock, Work work, Action&& action) {
    work_collectively(ranks, clock, [&] {
        const WorkClock::Scope working = clock.during(work);
        action();
    });
}

/// Collective: what each rank did, in their order, on rank 0; empty elsewhere.
std::vector<RankTimes> gather_times(const Communicator& ranks, WorkClock& clock);

}  // namespace alphaprune::parallel
