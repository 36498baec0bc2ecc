/* To be preloaded: what an OpenBLAS says of itself that does not know the processor. The products stay
   those of the BLAS that is there. */
#include <stdlib.h>

static const char* core = "Prescott";

/* Like OpenBLAS, it looks at the environment once, when it is loaded. */
__attribute__((constructor)) static void choose_core(void) {
    const char* const wished = getenv("OPENBLAS_CORETYPE");
    if (wished != NULL) {
        core = wished;
    }
}

const char* openblas_get_config(void) {
    return "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH NO_AFFINITY";
}

const char* openblas_get_corename(void) {
    return core;
}
