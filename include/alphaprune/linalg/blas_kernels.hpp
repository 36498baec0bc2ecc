#pragma once

#include <optional>
#include <string_view>

namespace alphaprune::linalg {

/// What decides with which kernels OpenBLAS should work.
struct KernelSituation {
    std::string_view config;      ///< of openblas_get_config; empty with any other BLAS
    std::string_view core;        ///< of openblas_get_corename: the kernels that it has chosen
    bool has_avx2 = false;        ///< the processor and the system, and FMA with it
    bool has_avx512 = false;      ///< likewise, with the parts F, CD, BW, DQ and VL
    bool is_set_by_user = false;  ///< OPENBLAS_CORETYPE
};

/// The kernels that OpenBLAS should have taken, where it does not know the processor and has fallen
/// back to kernels for SSE: a quarter of the speed, or less. Nothing where there is surely no gain.
std::optional<std::string_view> better_kernels(const KernelSituation& situation);

/// Executes this program again, with OPENBLAS_CORETYPE set, where the BLAS that it has loaded
/// should work with better kernels (OpenBLAS chooses them when it is loaded, and only then).
/// Process, arguments, open files, ignored and blocked signals stay; so this is the first thing
/// that a program does, before it has threads, and before MPI. Returns where nothing is to be
/// gained or the program cannot be executed again.
void restart_with_better_kernels(char** argv);

}  // namespace alphaprune::linalg
