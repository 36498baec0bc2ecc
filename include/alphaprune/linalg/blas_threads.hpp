#pragma once

namespace alphaprune::linalg {

/// From now on this rank's BLAS works on one thread: the cores belong to the ranks, and the bits of
/// a result must not depend on how many cores a machine has. make_backend does this too.
void use_one_blas_thread();

}  // namespace alphaprune::linalg
