#pragma once

#include <cstdint>
#include <memory>

#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::parallel {

/// Counters that rank 0 keeps and every rank changes, one change at a time; zero at first. Made and
/// destroyed collectively; in between, several threads of a rank may use them.
class SharedCounters {
  public:
    /// What is done to a counter: nothing, the operand is added, the operand replaces it.
    enum class Change : std::int64_t { none, add, replace };

    SharedCounters() = default;
    SharedCounters(const SharedCounters&) = delete;
    SharedCounters& operator=(const SharedCounters&) = delete;
    virtual ~SharedCounters() = default;

    /// What the counter was before. Visible to all ranks when this returns.
    virtual std::int64_t update(int counter, std::int64_t operand, Change change) = 0;
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

}  // namespace alphaprune::parallel
