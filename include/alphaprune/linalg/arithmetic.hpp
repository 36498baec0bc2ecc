#pragma once

#include <string>
#include <string_view>

namespace alphaprune::linalg {

/// The BLAS that this process uses, with its version and what it has chosen for this processor as
/// far as it can tell: "OpenBLAS 0.3.21 … SkylakeX". A library that reports nothing is called by
/// the name of its file.
std::string blas_name();

/// Which instructions the program's own kernels use on this processor: "avx512", "avx2" or
/// "baseline".
std::string_view vector_kernels();

/// Multiply-add speed of this rank's BLAS right now, in GFLOP/s, from a short DGEMM (SGEMM) of
/// a size that fits the outer cache; best of several within about `seconds`.
double measure_dgemm_gflops(double seconds = 0.05);
double measure_sgemm_gflops(double seconds = 0.05);

/// The same for products with packed weights in bfloat16. @pre has_bf16_products()
double measure_bf16_gflops(double seconds = 0.05);

/// The share of the peak of this processor's vector unit that a sound BLAS reaches at least;
/// below it the BLAS has fallen back to generic kernels. Zero when the processor is not known.
double expected_dgemm_gflops();

/// From now on the BLAS that this thread calls works on one thread, whether it is OpenBLAS, MKL,
/// BLIS (AOCL), NVPL, FlexiBLAS or LibSci: the cores belong to the ranks, and the bits of a result
/// must not depend on how many cores a machine has. make_backend does this too; any other thread
/// that calls BLAS does it first.
void use_one_blas_thread();

}  // namespace alphaprune::linalg
