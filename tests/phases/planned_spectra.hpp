#pragma once

#include "alphaprune/phases/spectrum_phase.hpp"

namespace alphaprune::phases {

/// compute_spectra by the plan of the same options.
inline SpectrumResults compute_spectra(const parallel::Communicator& ranks,
                                       const model::Catalogue& catalogue,
                                       const SpectrumOptions& options, const Progress& progress) {
    return compute_spectra(ranks, catalogue, options, plan_spectra(ranks, catalogue, options),
                           progress);
}

}  // namespace alphaprune::phases
