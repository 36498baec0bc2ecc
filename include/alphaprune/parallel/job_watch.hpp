#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::parallel {

struct WatchOptions {
    /// A rank that has not been heard of for so long is taken for lost; zero: none ever is.
    std::chrono::milliseconds peer_timeout{20'000};
    /// Work that is still not over so long after a stop was requested, as in the middle of a
    /// library's factorisation, is abandoned: the job ends with status `stopped`. Zero: never.
    std::chrono::milliseconds stop_patience{0};
    /// What is said then, after the reason of the stop.
    std::string after_stop{};
};

/// A thread beside each rank's work that keeps the ranks of a job in touch, whatever they are
/// doing:
/// - a stop that one rank is asked for (support/stop.hpp) is soon requested on all of them;
/// - a rank that dies, is halted or cannot be reached any more ends the job, which MPI alone would
///   leave hanging: the cause, the rank, its host and the remedy are said once;
/// - an error that one rank alone knows of is said once and ends the job;
/// - work that does not stop when it is asked to is abandoned.
/// The threads send each other short messages over a tree of ranks with rank 0 at its root. Made
/// and destroyed collectively: it must not die on the way of an exception that other ranks do not
/// throw (end_job is for those). Where MPI does not support threads nothing is watched, and a stop
/// is heard of at the next agreement.
class JobWatch {
  public:
    JobWatch(const Communicator& world, const WatchOptions& options);
    JobWatch(const JobWatch&) = delete;
    JobWatch& operator=(const JobWatch&) = delete;
    ~JobWatch();

    /// From now on this file, should somebody make it, asks for a stop. Rank 0 looks for it, twice
    /// a second; the others may call this too.
    void look_for_stop_file(const std::filesystem::path& file);

    /// Ends the whole job with this status. Of all the ranks that call this at about the same time,
    /// and of what the watch itself finds, one text reaches standard error.
    /// @param text  as what() of an Error or to_text() give it; this rank and its host are named
    /// before it
    [[noreturn]] void end_job(const std::string& text, support::ExitStatus status);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace alphaprune::parallel
