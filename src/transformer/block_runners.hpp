#pragma once

#include <memory>

#include "alphaprune/transformer/block_runner.hpp"

namespace alphaprune::transformer {

// One for each kind of hardware; arguments as make_block_runner() has them.

std::unique_ptr<BlockRunner> make_cpu_block_runner(const parallel::Communicator& node,
                                                   const parallel::Team& team,
                                                   const ForwardPlan& plan,
                                                   linalg::ForwardPrecision precision);
/// @pre settings.card, and the module for cards is loaded
std::unique_ptr<BlockRunner> make_card_block_runner(const parallel::Communicator& node,
                                                    const parallel::Team& team,
                                                    const ForwardPlan& plan,
                                                    const ForwardSettings& settings,
                                                    BlockRunner* beside);

/// The tensors of the final norm and the output projection, except the vocabulary's: indices into
/// Catalogue::tensors.
std::vector<int> head_tensors(const ForwardPlan& plan);

}  // namespace alphaprune::transformer
