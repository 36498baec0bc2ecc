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

    /// Within 2^-52 of the largest of them, ascending, but for those that are that close. Waits.
    /// @param off_diagonal  one fewer than diagonal; each below the diagonal value of its number
    void find(std::span<const double> diagonal, std::span<const double> off_diagonal,
              std::span<double> out);

  private:
    cudaStream_t stream_;
    device::DeviceMemory matrix_, found_;
};

}  // namespace alphaprune::linalg
