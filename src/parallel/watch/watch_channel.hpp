#pragma once

#include <list>
#include <optional>
#include <string>

#include "alphaprune/parallel/native_mpi.hpp"

namespace alphaprune::parallel {

/// What the watches of a job send each other; the tag of the MPI message.
enum class WatchMessage : int {
    heartbeat = 1,    ///< this rank is alive
    stop,             ///< stop early; with the reason
    final_report,     ///< write this report and end the job
    acknowledgement,  ///< of a final report: one has been written
    ending,           ///< the cause is reported, the job is being ended; with the exit status
};

/// Messages between the watch threads of a job. Sending never waits; a rank that cannot be reached
/// is no error here.
class WatchChannel {
  public:
    struct Incoming {
        int from = 0;
        WatchMessage kind = WatchMessage::heartbeat;
        std::string text;
    };

    /// Collective.
    explicit WatchChannel(const Communicator& ranks);

    void send(int to, WatchMessage kind, std::string text = {});
    /// Whether that rank has not received yet what was sent to it.
    bool is_in_flight(int to);
    bool nothing_in_flight();
    /// The next message that has arrived.
    std::optional<Incoming> receive();

    /// Announces that this rank has reached the barrier; returns at once.
    void enter_barrier();
    bool all_have_entered();

  private:
    struct Outgoing {
        int to = 0;
        std::string text;
        MPI_Request request = MPI_REQUEST_NULL;
    };

    void remove_delivered();

    Communicator ranks_;
    std::list<Outgoing> outgoing_;
    MPI_Request barrier_ = MPI_REQUEST_NULL;
};

}  // namespace alphaprune::parallel
