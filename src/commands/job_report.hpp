#pragma once

#include <optional>

#include "alphaprune/report/run_report.hpp"
#include "stages.hpp"

namespace alphaprune::commands {

/// What the stages of a job have made. `analyze` has spectra alone.
struct Results {
    Spectra spectra = {};
    std::optional<Ratios> ratios = {};
    std::optional<phases::PrunedModel> pruned = {};
    Perplexities perplexities = {};
};

/// Everything report.json says, composed from the job and what its stages have made. Collective.
/// @param inputs  of the stages behind the spectra; nullptr when there are none
report::RunReport compose_report(const Job& job, const Inputs* inputs, const Results& results);

/// Writes report.json, report.html, matrices.csv and metrics/, and tells the user where they are.
/// The run is then complete and its journal is removed. Collective.
void finish_job(const Job& job, const Inputs* inputs, const Results& results);

}  // namespace alphaprune::commands
