#pragma once

#include "alphaprune/cli/options.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/planning/plan_report.hpp"

namespace alphaprune::commands {

/// Those that the request gives; the others measured on these ranks, or assumed. Collective.
/// @param weights  whether the catalogue's weights can be read, or made, here
planning::KnownRates rates_for(const parallel::Communicator& ranks, const cli::Options& options,
                               const model::Catalogue& catalogue, bool weights);

}  // namespace alphaprune::commands
