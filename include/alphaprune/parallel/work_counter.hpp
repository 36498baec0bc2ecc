#pragma once

#include <cstdint>
#include <memory>

#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::parallel {

class SharedCounters;

/// Hands out the numbers 0, 1, 2, … of one or several lists to whichever rank asks next, and counts
/// the work that is done. The counters live on rank 0; asking does not interrupt rank 0's own work.
/// Made and destroyed collectively; in between, several threads of a rank may use it.
class WorkCounter {
  public:
    explicit WorkCounter(const Communicator& ranks, int lists = 1);
    WorkCounter(WorkCounter&&) noexcept;
    WorkCounter& operator=(WorkCounter&&) noexcept;
    ~WorkCounter();

    /// The next number of a list, given to one rank only.
    std::int64_t next(int list = 0);
    /// Tells all ranks that one more item is done.
    void item_done();
    std::int64_t items_done() const;
    /// Tells all ranks that one more item will not be done.
    void item_skipped();
    std::int64_t items_skipped() const;
    /// Tells all ranks that something has failed: the results of this work will not be used.
    void raise_alarm();
    bool alarm() const;

  private:
    std::unique_ptr<SharedCounters> counters_;
};

}  // namespace alphaprune::parallel
