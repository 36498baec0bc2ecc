#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/phases/calibrated_phase.hpp"
#include "calibration_pass.hpp"

namespace alphaprune::phases {

/// A method's statistics of one block and what it does with them. Made for each block anew.
class BlockPruner {
  public:
    virtual ~BlockPruner() = default;

    /// See SiteObserver.
    virtual void observe(std::size_t site, std::int64_t sequence, std::span<const float> input,
                         std::int64_t tokens) = 0;
    /// Collective: all sequences have been told. @throws Error on all ranks
    virtual void finish_statistics(std::size_t site, const std::string& where) = 0;
    /// Collective: prunes this rank's rows of a matrix that reads the input of `site`.
    /// @param where  block and matrix, for messages
    /// @throws Error on all ranks
    virtual void prune(std::size_t site, std::span<float> rows, const PruneTarget& target,
                       const std::string& where) = 0;
    /// What a user should know, after finish_statistics.
    virtual std::vector<std::string> notes() const { return {}; }
};

/// @param sites      of the block
/// @param sequences  how many calibration sequences there are on all ranks
std::unique_ptr<BlockPruner> make_block_pruner(pruning::CalibratedMethod method,
                                               const parallel::Communicator& ranks,
                                               std::span<const transformer::InputSite> sites,
                                               std::int64_t sequences);

}  // namespace alphaprune::phases
