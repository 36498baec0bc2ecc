#pragma once

#include <string>
#include <vector>

#include "alphaprune/cli/options.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/resume/journal.hpp"
#include "inputs.hpp"

namespace alphaprune::commands {

/// What the results of `analyze` depend on, and those of `run` if spectra are computed: the model
/// as it is and the options that affect the eigenvalues.
resume::RunIdentity identity_of_analysis(const cli::Options& options,
                                         const model::Catalogue& catalogue);

/// What the results of `run` depend on. Texts count by the tokens taken from them, other files by
/// their contents. The same on every rank. @throws Error for files that cannot be read
resume::RunIdentity identity_of_run(const cli::Options& options, const model::Catalogue& catalogue,
                                    const Inputs& inputs);

/// What the last bits of this process depend on.
resume::Provenance provenance_here();

/// Where ranks, or earlier attempts at the run, compute with another processor or BLAS or with
/// another build of the program, the last bits may depend on which of them computed what: a warning
/// for each difference. Collective.
std::vector<std::string> provenance_notes(const parallel::Communicator& ranks,
                                          const resume::Journal& journal);

}  // namespace alphaprune::commands
