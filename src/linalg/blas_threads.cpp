#include "alphaprune/linalg/blas_threads.hpp"

#include <dlfcn.h>

namespace alphaprune::linalg {
namespace {

/// Calls a function of one argument, of the library that the program happens to run with.
template <class Count>
void call_if_present(const char* function, Count threads) {
    if (void* const found = ::dlsym(RTLD_DEFAULT, function)) {
        reinterpret_cast<void (*)(Count)>(found)(threads);
    }
}

}  // namespace

void use_one_blas_thread() {
    for (const char* const function :
         {"openblas_set_num_threads", "MKL_Set_Num_Threads", "nvpl_blas_set_num_threads",
          "flexiblas_set_num_threads",
          "omp_set_num_threads"}) {  // LibSci asks OpenMP alone, which counts for each thread
        call_if_present<int>(function, 1);
    }
    call_if_present<long>("bli_thread_set_num_threads", 1);  // BLIS, AOCL; for each thread, too
}

}  // namespace alphaprune::linalg
