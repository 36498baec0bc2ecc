#pragma once

#include <mpi.h>

#include <cstdint>
#include <functional>
#include <list>
#include <vector>

#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::parallel {

/// Numbers that ranks send each other while each goes on with work of its own: nobody waits for
/// anybody, and nobody knows beforehand how much will come. Made and finished collectively.
class Mailbox {
  public:
    /// Is handed each letter on the rank it was posted to. Must not throw.
    /// @param subject  what the sender called it
    using Receiver = std::function<void(std::int64_t subject, std::span<const double> values)>;

    Mailbox(const Communicator& ranks, Receiver receiver);
    Mailbox(const Mailbox&) = delete;
    Mailbox& operator=(const Mailbox&) = delete;

    /// Sends a letter and returns at once. What a rank posts to itself it receives at once.
    /// @param subject  at most 2^53
    void post(int to, std::int64_t subject, std::span<const double> values);

    /// Hands over what has arrived. To be called now and then, or letters pile up at their senders.
    void collect();

    /// Collective: hands over what still arrives, until no letter of any rank is under way. Must be
    /// the end of every mailbox.
    void finish();

  private:
    struct Letter {
        std::vector<double> text;  ///< the subject, then the values
        MPI_Request request = MPI_REQUEST_NULL;
    };

    void forget_delivered();

    Communicator ranks_;
    Receiver receiver_;
    std::list<Letter> outgoing_;
    std::vector<double> incoming_;
};

}  // namespace alphaprune::parallel
