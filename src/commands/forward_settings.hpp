#pragma once

#include "alphaprune/cli/options.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/transformer/block_runner.hpp"

namespace alphaprune::commands {

/// Collective: what runs the blocks of a model. Graphics cards do where every rank has one, so that
/// all sequences are computed alike; otherwise processors, and a warning says so where some ranks
/// have cards.
/// @throws Error on all ranks: no rank has a card though cards are asked for, or the processors
///         cannot do what --forward-precision asks for
transformer::ForwardSettings forward_settings(const parallel::Communicator& ranks,
                                              const cli::Options& options);

}  // namespace alphaprune::commands
