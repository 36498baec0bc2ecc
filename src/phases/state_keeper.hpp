#pragma once

#include <functional>

#include "alphaprune/resume/journal.hpp"
#include "alphaprune/support/clock.hpp"
#include "calibration_pass.hpp"

namespace alphaprune::phases {

/// Keeps the hidden states of a calibration pass in the journal as they go from block to block, so
/// that a later attempt goes on where this one was. All calls are collective.
class StateKeeper {
  public:
    /// @param journal  may be nullptr: nothing is kept. Outlives the object, as pass does
    StateKeeper(const parallel::Communicator& ranks, resume::Journal* journal,
                resume::StatePass which);

    /// The block at whose entrance an earlier attempt has left the states; 0: none.
    int saved_block() const;
    /// Puts those states into the pass. @throws Error on all ranks
    void restore(CalibrationPass& pass) const;

    /// The pass has come to the entrance of a block. Its states are kept unless that has been done
    /// so shortly before that it would cost more than some hundredths of the time.
    /// @param before  runs on each rank first: what must be durable before
    void at_entrance(int block, CalibrationPass& pass, const std::function<void()>& before);

  private:
    bool due() const;

    const parallel::Communicator& ranks_;
    resume::Journal* journal_;
    resume::StatePass which_;
    support::Stopwatch since_;  ///< the states were kept
    double cost_ = 0;           ///< seconds that it took
};

}  // namespace alphaprune::phases
