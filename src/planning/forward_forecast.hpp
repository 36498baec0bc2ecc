#pragma once

#include "alphaprune/planning/forecast.hpp"
#include "transfers.hpp"

namespace alphaprune::planning {

/// Time and memory of what runs the model forward. @throws Error when it has no forward pass
PhaseForecast calibration_forecast(const model::Catalogue& catalogue, const Cluster& cluster,
                                   const CostModel& model, const Transfers& transfers,
                                   const RunTask& task);
/// All texts, on the dense and on the pruned model.
PhaseForecast evaluation_forecast(const model::Catalogue& catalogue, const Cluster& cluster,
                                  const CostModel& model, const Transfers& transfers,
                                  const RunTask& task);

}  // namespace alphaprune::planning
