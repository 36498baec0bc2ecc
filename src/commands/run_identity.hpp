#pragma once

#include "alphaprune/commands/options.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/schedule/journal.hpp"
#include "inputs.hpp"

namespace alphaprune {

/// What the results of `analyze` hang on, of `run` too where spectra are computed: the model as it
/// is and the options that reach the eigenvalues.
RunIdentity identity_of_analysis(const Options& options, const Catalogue& catalogue);

/// What the results of `run` hang on. Texts count by the tokens that are taken from them, other
/// files by their contents. On every rank the same. @throws Error for files that cannot be read
RunIdentity identity_of_run(const Options& options, const Catalogue& catalogue,
                            const Inputs& inputs);

}  // namespace alphaprune
