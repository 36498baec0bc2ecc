#pragma once

#include <atomic>
#include <string>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::parallel {

/// Which launchers JobEnd::abort ends when they are still there some seconds after it.
enum class EndLauncher { none, mpirun, any };

/// The acts that end a job, each done once a process, whichever thread comes first.
class JobEnd {
  public:
    explicit JobEnd(const Communicator& ranks) : ranks_(ranks) {}

    /// Writes the text to standard error in one piece.
    void say(const std::string& text);
    /// From now on nothing is said here: it has been said elsewhere.
    void be_silent() { said_ = true; }

    /// Ends this rank alone.
    [[noreturn]] void leave(support::ExitStatus status) const;

    /// Ends all ranks, and this one in any case: where MPI_Abort hangs, some seconds later.
    [[noreturn]] void abort(support::ExitStatus status, EndLauncher launchers);

  private:
    const Communicator& ranks_;
    std::atomic<bool> said_ = false;
    std::atomic<bool> aborted_ = false;
};

}  // namespace alphaprune::parallel
