#pragma once

// BLACS and ScaLAPACK come without headers. Csys2blacs_handle takes an MPI_Comm.

#include <cstddef>

#include "alphaprune/parallel/native_mpi.hpp"

extern "C" {
int Csys2blacs_handle(MPI_Comm communicator);
void Cfree_blacs_system_handle(int handle);
void Cblacs_gridinit(int* context, const char* order, int rows, int cols);
void Cblacs_gridinfo(int context, int* rows, int* cols, int* row, int* col);
void Cblacs_gridexit(int context);

void pdsyrk_(const char* uplo, const char* trans, const int* n, const int* k, const double* alpha,
             const double* a, const int* ia, const int* ja, const int* desc_a, const double* beta,
             double* c, const int* ic, const int* jc, const int* desc_c);
void pdtran_(const int* m, const int* n, const double* alpha, const double* a, const int* ia,
             const int* ja, const int* desc_a, const double* beta, double* c, const int* ic,
             const int* jc, const int* desc_c);
void pdsyev_(const char* jobz, const char* uplo, const int* n, double* a, const int* ia,
             const int* ja, const int* desc_a, double* w, double* z, const int* iz, const int* jz,
             const int* desc_z, double* work, const int* lwork, int* info, std::size_t,
             std::size_t);
}
