#pragma once

#include "job.hpp"

namespace alphaprune::commands {

/// Of what this process computes.
resume::Provenance provenance_here();

/// Where ranks, or earlier attempts at the run, compute with another processor or BLAS or with
/// another build of the program, the last bits may depend on which of them computed what: says so,
/// also in the report. Collective.
void tell_of_provenance(Job& job);

}  // namespace alphaprune::commands
