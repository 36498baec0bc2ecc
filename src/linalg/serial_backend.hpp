#pragma once

#include "alphaprune/linalg/spectral_backend.hpp"

namespace alphaprune {

/// One rank computes the whole spectrum.
class SerialBackend : public SpectralBackend {
  public:
    SerialBackend(Solver solver, Precision precision) : solver_(solver), precision_(precision) {}
    GramSpectrum spectrum_of(MatrixSource& matrix) override;

  private:
    Solver solver_;
    Precision precision_;
};

}  // namespace alphaprune
