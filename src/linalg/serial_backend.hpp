#pragma once

#include "alphaprune/linalg/spectral_backend.hpp"

namespace alphaprune::linalg {

/// One rank computes the whole spectrum with LAPACK.
class SerialBackend : public SpectralBackend {
  public:
    explicit SerialBackend(Solver solver) : solver_(solver) {}
    GramSpectrum spectrum_of(MatrixSource& matrix) override;

  private:
    Solver solver_;
};

}  // namespace alphaprune::linalg
