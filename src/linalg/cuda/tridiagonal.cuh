#pragma once

#include <cstdint>
#include <span>

#include "cuda/libraries.cuh"
#include "cuda/sturm.hpp"

namespace alphaprune::linalg {

/// Eigenvalues of symmetric tridiagonal matrices on the card, each by bisection on a thread of its
/// own. Owns its work space.
class TridiagonalEigenvalues {
  public:
    explicit TridiagonalEigenvalues(cudaStream_t stream) : stream_(stream) {}

    /// Within 2^-52 of the largest of them, ascending. Waits.
    /// @param band  on the card, as BulgeChase leaves it
    void find(const double* band, std::int64_t order, std::span<double> out);

  private:
    cudaStream_t stream_;
    device::DeviceMemory matrix_, found_;
    device::PinnedMemory columns_;
};

}  // namespace alphaprune::linalg
