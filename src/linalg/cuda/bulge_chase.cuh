#pragma once

#include <cstdint>

#include "cuda/libraries.cuh"

namespace alphaprune::linalg {

/// Band to tridiagonal (Schwarz 1968; Bischof, Lang and Sun 2000): each sweep empties a column but
/// for its first value below the diagonal, and chases what that fills in down the band. Sweeps
/// follow each other two steps apart, each by a warp of its own. Owns its work space.
class BulgeChase {
  public:
    explicit BulgeChase(cudaStream_t stream) : stream_(stream) {}

    /// Returns at once.
    /// @param band  as BandReduction gives it; diagonal and first subdiagonal remain
    void run(double* band, std::int64_t order);

  private:
    cudaStream_t stream_;
    device::DeviceMemory progress_;
};

}  // namespace alphaprune::linalg
