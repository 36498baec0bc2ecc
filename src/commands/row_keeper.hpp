#pragma once

#include <vector>

#include "alphaprune/resume/journal.hpp"
#include "alphaprune/support/clock.hpp"
#include "pruned_files.hpp"

namespace alphaprune::commands {

/// Writes finished rows and records them in the journal once they are durable. Rows become durable
/// some at a time, as often as costs little. For one thread at a time; not collective.
class RowKeeper {
  public:
    /// Both outlive the object.
    RowKeeper(PrunedFiles& files, resume::Journal& journal) : files_(files), journal_(journal) {}

    /// @throws Error
    void write(const resume::WrittenRows& rows, std::span<const std::byte> bytes);
    /// Makes durable, and records, all rows so far. @throws Error
    void make_durable();
    /// The same on the way out of a run that ends early: what goes wrong is not told any more.
    void save_what_can_be();

  private:
    bool due() const;

    PrunedFiles& files_;
    resume::Journal& journal_;
    std::vector<resume::WrittenRows> pending_;
    support::Stopwatch since_;  ///< rows were made durable
    double cost_ = 0;           ///< seconds that it took
};

}  // namespace alphaprune::commands
