#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <span>
#include <vector>

#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::parallel {

/// Numbers that ranks send each other while each goes on with its own work: no rank waits for
/// another, and none knows beforehand how much will arrive. Made and finished collectively.
class Mailbox {
  public:
    /// Called for each letter on the rank it was posted to. Must not throw.
    /// @param subject  given by the sender
    using Receiver = std::function<void(std::int64_t subject, std::span<const double> values)>;

    Mailbox(const Communicator& ranks, Receiver receiver);
    Mailbox(const Mailbox&) = delete;
    Mailbox& operator=(const Mailbox&) = delete;
    ~Mailbox();

    /// Sends a letter and returns at once. A rank receives what it posts to itself at once.
    /// @param subject  at most 2^53
    void post(int to, std::int64_t subject, std::span<const double> values);

    /// Delivers what has arrived. To be called now and then, or letters pile up at their senders.
    void collect();

    /// Collective: delivers what still arrives, until no letter of any rank is in flight. Must be
    /// the last call on every mailbox.
    void finish();

  private:
    struct Letter;  ///< on its way to another rank

    void forget_delivered();

    Communicator ranks_;
    Receiver receiver_;
    std::list<Letter> outgoing_;
    std::vector<double> incoming_;
};

}  // namespace alphaprune::parallel
