#pragma once

// A function that kernels are made of: what the card runs on many threads at once a test runs in a
// loop on the host.
#ifdef __CUDACC__
#define ALPHAPRUNE_KERNEL __host__ __device__ inline
#else
#define ALPHAPRUNE_KERNEL inline
#endif
