#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "alphaprune/linalg/matrix_source.hpp"
#include "alphaprune/linalg/spectral_backend.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::linalg {

/// What a pipeline has done with a matrix: its spectrum, or what went wrong.
struct PipelineResult {
    std::int64_t id = 0;
    GramSpectrum spectrum = {};  ///< if there is no error
    std::optional<support::Error> error = {};
    double seconds = 0;  ///< from when it was taken up
};

/// Computes the spectra of several matrices at the same time, in whatever order it is done with
/// them. Its functions are called by one thread.
class SpectralPipeline {
  public:
    virtual ~SpectralPipeline() = default;

    /// Matrices that it works on at the same time; with more it is no faster. 0 when it has broken
    /// down for good.
    virtual int capacity() const = 0;
    /// Takes a matrix. Returns at once.
    /// @param id  for the result
    virtual void submit(std::int64_t id, std::unique_ptr<MatrixSource> matrix) = 0;
    /// The next result, of any of the matrices that were submitted and have not been given back.
    /// Waits for it. @pre there is one
    virtual PipelineResult next() = 0;
};

/// Spectra on a graphics card, in float64.
/// @param card     its index
/// @param most     matrices at work at the same time
/// @param largest  shape of the matrix that needs most memory: fewer are at work where it is short
/// @returns nothing where the card has no room for even one
/// @pre the module for cards is loaded
std::unique_ptr<SpectralPipeline> make_cuda_pipeline(int card, int most,
                                                     const MatrixSource& largest);

}  // namespace alphaprune::linalg
