#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/phases/prune_phase.hpp"
#include "alphaprune/transformer/block_runner.hpp"
#include "alphaprune/transformer/forward_plan.hpp"

namespace alphaprune::phases {

/// The sites of a block that is pruned, one after another: which of them are experts', how many
/// tokens of the calibration come to each, and which tensors are complete.
class BlockSites {
  public:
    BlockSites() = default;
    BlockSites(const transformer::ForwardPlan& plan, int block);

    std::size_t count() const { return sites_.size(); }
    const transformer::InputSite& operator[](std::size_t site) const { return sites_[site]; }
    /// What a pruner has to know of the block.
    pruning::BlockInputs inputs(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                                const parallel::Team& team, std::int64_t sequences,
                                linalg::FarMemory* far) const;
    /// The mixture of experts of which this site is the first.
    std::optional<std::size_t> opened_mixture(std::size_t site) const;

    /// This rank has seen so many more.
    void add_tokens(std::size_t site, std::int64_t tokens) { tokens_[site] += tokens; }
    /// Collective: those of all ranks, at the sites from `first` to `end`.
    void sum_tokens(const parallel::Communicator& ranks, std::size_t first, std::size_t end);
    std::int64_t tokens(std::size_t site) const { return tokens_[site]; }

    /// What a user should know of experts that no token or few tokens have reached, once the tokens
    /// are summed: pruners with Hessians blend the latter.
    std::vector<std::string> notes(int block, const PruneRequest& request) const;

    /// A matrix of a tensor is pruned.
    struct Turn {
        bool first = false;  ///< of those of the tensor
        bool last = false;
    };
    Turn take_matrix_of(int tensor);

  private:
    pruning::SiteShape shape_of(std::size_t site) const;
    /// The experts of a mixture to which that applies at one of their sites, by their numbers.
    template <class Applies>
    std::vector<int> experts_where(std::size_t mixture, Applies applies) const;

    std::vector<transformer::InputSite> sites_;
    std::vector<transformer::SitePlace> places_;
    std::vector<std::size_t> mixtures_;  ///< the sublayers that are one with matrices
    std::vector<std::int64_t> widths_;   ///< of what they divide
    std::vector<std::int64_t> tokens_;   ///< that give statistics, by site
    struct Matrices {
        int all = 0;
        int left = 0;
    };
    std::map<int, Matrices> matrices_;  ///< by tensor
};

/// What a sequence says of a site: numbered among those that give statistics; nothing of one that
/// is held out.
pruning::SiteInput as_statistics(const PruneRequest& request, const pruning::SiteInput& input);

/// What the pruner needs of inputs.
transformer::InputNeeds input_needs(const PruneRequest& request);

}  // namespace alphaprune::phases
