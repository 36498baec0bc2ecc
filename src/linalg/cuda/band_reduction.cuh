#pragma once

#include <cstdint>

#include "cuda/libraries.cuh"

namespace alphaprune::linalg {

/// Full symmetric matrix to a band of 32 subdiagonals, by orthogonal transformations in panels of
/// 32 columns (Dongarra, Sorensen and Hammarling 1989; Bischof, Lang and Sun 2000). What a panel
/// does to the rest of the matrix is put off until eight can be done in one product. Owns its work
/// space.
class BandReduction {
  public:
    /// @param stream  outlives the object, as does cublas, which works on it
    BandReduction(cudaStream_t stream, cublasHandle_t cublas) : stream_(stream), cublas_(cublas) {}

    /// Begins the reduction; returns at once.
    /// @param matrix  order × order, both triangles; lost
    /// @returns the band on the card, element (i, j), i >= j, at band[j·64 + i − j], with
    ///          order + 64 columns, those beyond the order zero; until the next call
    double* reduce(double* matrix, std::int64_t order);

    /// Bytes of the card.
    static std::uint64_t bytes(std::int64_t order);
    static std::int64_t band_values(std::int64_t order);

  private:
    struct Step;
    void update_columns(const Step& step);
    void factor(const Step& step);
    void multiply(const Step& step);
    void update_rest(const Step& step);

    cudaStream_t stream_;
    cublasHandle_t cublas_;
    device::DeviceMemory band_, left_, right_, product_, small_, sums_;
};

}  // namespace alphaprune::linalg
