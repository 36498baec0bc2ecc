#include "alphaprune/linalg/blas_threads.hpp"

// Present in OpenBLAS only; another BLAS keeps what its own environment variables say.
extern "C" __attribute__((weak)) void openblas_set_num_threads(int threads);

namespace alphaprune::linalg {

void use_one_blas_thread() {
    if (openblas_set_num_threads != nullptr) {
        openblas_set_num_threads(1);
    }
}

}  // namespace alphaprune::linalg
