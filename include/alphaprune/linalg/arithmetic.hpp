#pragma once

#include <string>
#include <string_view>

namespace alphaprune::linalg {

/// The BLAS that this process uses, with its version and what it has chosen for this processor as
/// far as it tells: "OpenBLAS 0.3.21 … SkylakeX". A library that tells nothing goes by the name of
/// its file.
std::string blas_name();

/// Which instructions the program's own kernels use on this processor: "avx512", "avx2" or
/// "baseline".
std::string_view vector_kernels();

}  // namespace alphaprune::linalg
