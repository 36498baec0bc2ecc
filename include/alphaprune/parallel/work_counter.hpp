#pragma once

#include <cstdint>
#include <memory>

#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::parallel {

/// Counters that rank 0 keeps and every rank adds to, one at a time; zero at first. Made and
/// destroyed collectively; in between, several threads of a rank may use them.
class SharedCounters {
  public:
    SharedCounters() = default;
    SharedCounters(const SharedCounters&) = delete;
    SharedCounters& operator=(const SharedCounters&) = delete;
    virtual ~SharedCounters() = default;

    /// What the counter was before. Visible to all ranks when this returns.
    virtual std::int64_t add(int counter, std::int64_t value) = 0;
};

/// In an MPI window: fast among ranks that share memory, and the only way where MPI does not
/// support threads.
std::unique_ptr<SharedCounters> make_window_counters(const Communicator& ranks, int count);

/// With a thread of rank 0 that replies to messages. Over a network, one-sided operations on rank 0
/// advance only while rank 0 is inside MPI, where it may not be for minutes; and Open MPI 4 has no
/// windows over TCP for programs with threads.
std::unique_ptr<SharedCounters> make_served_counters(const Communicator& ranks, int count);

/// Collective: whichever is better here.
std::unique_ptr<SharedCounters> make_shared_counters(const Communicator& ranks, int count);

/// Hands out the numbers 0, 1, 2, … of one or several lists to whichever rank asks next, and counts
/// the work that is done. Asking does not interrupt rank 0's own work. Made, used and destroyed as
/// its counters are.
class WorkCounter {
  public:
    explicit WorkCounter(const Communicator& ranks, int lists = 1)
        : counters_(make_shared_counters(ranks, kFirstList + lists)) {}

    /// The next number of a list, given to one rank only.
    std::int64_t next(int list = 0) { return counters_->add(kFirstList + list, 1); }
    /// Tells all ranks that one more item is done.
    void item_done() { counters_->add(kDone, 1); }
    std::int64_t items_done() const { return counters_->add(kDone, 0); }
    /// Tells all ranks that one more item will not be done.
    void item_skipped() { counters_->add(kSkipped, 1); }
    std::int64_t items_skipped() const { return counters_->add(kSkipped, 0); }
    /// Tells all ranks that something has failed: the results of this work will not be used.
    void raise_alarm() { counters_->add(kAlarm, 1); }
    bool alarm() const { return counters_->add(kAlarm, 0) != 0; }

  private:
    enum Counter : int { kDone, kSkipped, kAlarm, kFirstList };

    std::unique_ptr<SharedCounters> counters_;
};

}  // namespace alphaprune::parallel
