#pragma once

// The float32 routines of BLAS, LAPACK and ScaLAPACK around Cholesky factors. The trailing size_t
// arguments are the lengths of the character arguments.

#include <cstddef>

extern "C" {
void spotrf_(const char* uplo, const int* n, float* a, const int* lda, int* info, std::size_t);
void spotri_(const char* uplo, const int* n, float* a, const int* lda, int* info, std::size_t);

void pssyrk_(const char* uplo, const char* trans, const int* n, const int* k, const float* alpha,
             const float* a, const int* ia, const int* ja, const int* desc_a, const float* beta,
             float* c, const int* ic, const int* jc, const int* desc_c);
void pspotrf_(const char* uplo, const int* n, float* a, const int* ia, const int* ja,
              const int* desc_a, int* info, std::size_t);
void pspotri_(const char* uplo, const int* n, float* a, const int* ia, const int* ja,
              const int* desc_a, int* info, std::size_t);
}
