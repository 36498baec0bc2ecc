#pragma once

#include <mpi.h>

#include <list>
#include <optional>
#include <string>

#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::parallel {

/// What the watches of a job write to each other; the tag of the message.
enum class Word : int {
    alive = 1,   ///< nothing but that
    stop,        ///< stop early; with the reason
    last_words,  ///< say this and end the job
    heard,       ///< the answer: somebody's last words have been said
    ending,      ///< the cause has been said, the job is being ended; with the exit status
};

/// Letters between the watch threads of a job. Sending never waits; a rank that cannot be reached
/// is no error here.
class WatchPost {
  public:
    struct Letter {
        int from = 0;
        Word word = Word::alive;
        std::string text;
    };

    /// Collective.
    explicit WatchPost(const Communicator& ranks);

    void send(int to, Word word, std::string text = {});
    /// Whether a letter to this rank has not been taken by it yet.
    bool is_under_way(int to);
    bool nothing_under_way();
    /// The next letter that has arrived.
    std::optional<Letter> receive();

    /// Says that this rank has come to the barrier; returns at once.
    void enter_barrier();
    bool all_have_entered();

  private:
    struct Outgoing {
        int to = 0;
        std::string text;
        MPI_Request request = MPI_REQUEST_NULL;
    };

    void forget_delivered();

    Communicator ranks_;
    std::list<Outgoing> outgoing_;
    MPI_Request barrier_ = MPI_REQUEST_NULL;
};

}  // namespace alphaprune::parallel
