#pragma once

#include "alphaprune/commands/options.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/schedule/forecast.hpp"

namespace alphaprune {

/// A run before it is: its model, its cluster, and what is asked of it.
struct PlannedRun {
    Catalogue catalogue;
    bool has_weights = true;  ///< they can be read, or made, here
    Cluster cluster;
    RunTask task;
};

/// The run that these options describe. A short name of a model stands for its public shape,
/// whether its weights are here or not. Collective. @throws Error
PlannedRun planned_run(const Communicator& ranks, const Options& options);

}  // namespace alphaprune
