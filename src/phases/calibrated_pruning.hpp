#pragma once

#include "alphaprune/phases/prune_phase.hpp"

namespace alphaprune::phases {

/// prune_model() for pruners that need activations. Collective.
PrunedModel prune_block_by_block(const parallel::Communicator& ranks,
                                 const parallel::NodeMap& nodes, const model::Catalogue& catalogue,
                                 const PruneRequest& request, TensorStore& store,
                                 const Progress& progress);

}  // namespace alphaprune::phases
