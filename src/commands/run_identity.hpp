#pragma once

#include "alphaprune/cli/options.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/resume/journal.hpp"
#include "inputs.hpp"

namespace alphaprune::commands {

/// What the results of `analyze` hang on, of `run` too where spectra are computed: the model as it
/// is and the options that reach the eigenvalues.
resume::RunIdentity identity_of_analysis(const cli::Options& options,
                                         const model::Catalogue& catalogue);

/// What the results of `run` hang on. Texts count by the tokens that are taken from them, other
/// files by their contents. On every rank the same. @throws Error for files that cannot be read
resume::RunIdentity identity_of_run(const cli::Options& options, const model::Catalogue& catalogue,
                                    const Inputs& inputs);

}  // namespace alphaprune::commands
