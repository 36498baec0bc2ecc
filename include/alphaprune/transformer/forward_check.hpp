#pragma once

#include <string>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::transformer {

/// What is asked of a forward pass.
enum class PassReach {
    blocks,  ///< the inputs of the matrices
    head,    ///< logits and perplexities
};

/// Whether a model can be run as far as that. Run collectively.
/// @param source  where this rank reads weights
/// @return what a user should know of it, a sentence each, the same on every rank: stored tensors
///         that are left out; a stored head that differs from the embedding to which config.json
///         ties it (for which both are read, a share by each rank, up to the first difference)
/// @throws Error (bad_request) on all ranks when it cannot
std::vector<std::string> check_forward_pass(const parallel::Communicator& ranks,
                                            const model::Catalogue& catalogue,
                                            const model::RowSource& source, PassReach reach);

}  // namespace alphaprune::transformer
