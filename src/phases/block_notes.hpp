#pragma once

#include <string>
#include <vector>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/resume/journal.hpp"

namespace alphaprune::phases {

/// What a user should know of the blocks, each note once, kept in the journal beside what it is
/// about.
class BlockNotes {
  public:
    /// @param journal  may be nullptr: nothing is kept. Both outlive the object
    BlockNotes(const parallel::Communicator& ranks, resume::Journal* journal)
        : ranks_(ranks), journal_(journal) {}

    /// Those of an earlier attempt.
    void add_earlier(int block);
    /// Collective. Before the matrices they are about: those may be the last of their block to be
    /// done again. @throws Error on all ranks
    void keep(int block, const std::vector<std::string>& notes);

    const std::vector<std::string>& all() const { return notes_; }

  private:
    const parallel::Communicator& ranks_;
    resume::Journal* journal_;
    std::vector<std::string> notes_;
};

}  // namespace alphaprune::phases
