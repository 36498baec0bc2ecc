#pragma once

namespace alphaprune::linalg {

/// From now on the BLAS that this thread calls works on one thread, whether it is OpenBLAS, MKL,
/// BLIS (AOCL), NVPL, FlexiBLAS or LibSci: the cores belong to the ranks, and the bits of a result
/// must not depend on how many cores a machine has. make_backend does this too; any other thread
/// that calls BLAS does it first.
void use_one_blas_thread();

}  // namespace alphaprune::linalg
