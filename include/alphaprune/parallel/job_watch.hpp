#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::parallel {

class Watch;

struct WatchOptions {
    /// A rank from which nothing was received for this long is declared lost; zero: never.
    std::chrono::milliseconds peer_timeout{20'000};
    /// Work that is still not over this long after a stop was requested, as in the middle of a
    /// library's factorization, is abandoned: the job ends with status `stopped`. Zero: never.
    std::chrono::milliseconds stop_grace_period{0};
    /// What is reported then, after the reason of the stop.
    std::string after_stop{};
};

/// A thread beside each rank's work that keeps the ranks of a job in contact, whatever they are
/// doing:
/// - a stop that is requested of one rank (support/stop.hpp) is soon requested of all;
/// - a rank that dies, is halted or cannot be reached any more ends the job, which MPI alone would
///   leave hanging: the cause, the rank, its host and the remedy are reported once;
/// - an error that one rank alone knows of is reported once and ends the job;
/// - work that does not stop when it is asked to is abandoned.
/// src/parallel/watch/README.md draws its states. Made and destroyed collectively: it must not be
/// destroyed by an exception that other ranks do not throw (end_job is for those). Where MPI does
/// not support threads nothing is watched, and a stop reaches the other ranks at the next
/// agreement.
class JobWatch {
  public:
    JobWatch(const Communicator& world, const WatchOptions& options);
    JobWatch(const JobWatch&) = delete;
    JobWatch& operator=(const JobWatch&) = delete;
    ~JobWatch();

    /// From now on this file, once it exists, requests a stop. Rank 0 looks for it, twice a second;
    /// the others may call this too.
    void look_for_stop_file(const std::filesystem::path& file);

    /// Ends the whole job with this status. Of all the ranks that call this at about the same time,
    /// and of what the watch itself finds, one text reaches standard error.
    /// @param text  as what() of an Error or to_text() give it; this rank and its host are named
    /// before it
    [[noreturn]] void end_job(const std::string& text, support::ExitStatus status);

  private:
    std::unique_ptr<Watch> watch_;
};

/// Returns in a child process, which does all the work. The process that was started stays behind
/// as its supervisor: it forwards the signals that request a stop, and ends with the child's
/// status. A child that was killed by a signal, as the kernel kills when memory runs out, has
/// failed: the status is that of a failure, and the supervisor reports it unless the remaining
/// ranks have done so and ended the job. To be called before MPI starts, when signals are listened
/// for (support/stop.hpp). Where no other process can be created, this one does the work.
void continue_in_child();

}  // namespace alphaprune::parallel
