#pragma once

#include <cstdint>
#include <memory>

#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::parallel {

/// Numbers that rank 0 keeps and every rank changes, one change at a time; zero at first. Made and
/// destroyed collectively; in between, several threads of a rank may use them.
class SharedNumbers {
  public:
    /// What becomes of a number: it is left, operand is added, operand takes its place.
    enum class Change : std::int64_t { none, add, replace };

    SharedNumbers() = default;
    SharedNumbers(const SharedNumbers&) = delete;
    SharedNumbers& operator=(const SharedNumbers&) = delete;
    virtual ~SharedNumbers() = default;

    /// What the number was before. Visible to all ranks when this returns.
    virtual std::int64_t update(int number, std::int64_t operand, Change change) = 0;
};

/// In an MPI window: quick among ranks that share memory, and the one way where MPI does not
/// support threads.
std::unique_ptr<SharedNumbers> make_window_numbers(const Communicator& ranks, int count);

/// With a thread of rank 0 that answers messages. Over a network, one-sided operations on rank 0
/// advance only while rank 0 is inside MPI, where it may not be for minutes; and Open MPI 4 has no
/// windows over TCP for programs with threads.
std::unique_ptr<SharedNumbers> make_served_numbers(const Communicator& ranks, int count);

/// Collective: whichever is better here.
std::unique_ptr<SharedNumbers> make_shared_numbers(const Communicator& ranks, int count);

}  // namespace alphaprune::parallel
