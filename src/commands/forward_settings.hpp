#pragma once

#include <optional>

#include "alphaprune/cli/options.hpp"
#include "alphaprune/device/choose_card.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/transformer/block_runner.hpp"

namespace alphaprune::commands {

/// Collective: what runs the blocks of a model. Graphics cards do where every rank has one, so that
/// all sequences are computed alike; otherwise processors, and a warning says so where some ranks
/// have cards.
/// @param card  of this rank
/// @throws Error on all ranks: the processors cannot do what --forward-precision asks for
transformer::ForwardSettings forward_settings(const parallel::Communicator& ranks,
                                              const cli::Options& options,
                                              const std::optional<device::CardInfo>& card);

}  // namespace alphaprune::commands
