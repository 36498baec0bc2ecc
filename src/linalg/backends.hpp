#pragma once

#include <cstdint>
#include <memory>

#include "alphaprune/linalg/spectral_backend.hpp"

namespace alphaprune::linalg {

/// The ranks of a group compute one spectrum together, with ELPA or ScaLAPACK.
std::unique_ptr<SpectralBackend> make_group_backend(Solver solver,
                                                    const parallel::Communicator& group);

/// Our own kernels: one rank, or the ranks of a group on one node through shared memory. The bits
/// of a spectrum do not depend on the size of the group.
/// @param group  on one node; outlives the backend
std::unique_ptr<SpectralBackend> make_two_stage_backend(const parallel::Communicator& group,
                                                        Precision precision);
/// Bytes that a rank needs for the latter, its part of what the group shares.
std::uint64_t two_stage_memory(int group_ranks, std::int64_t order, std::int64_t depth);

}  // namespace alphaprune::linalg
