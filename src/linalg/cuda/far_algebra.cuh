#pragma once

#include <vector>

#include "alphaprune/linalg/far_lane.hpp"
#include "cuda/libraries.cuh"

namespace alphaprune::linalg {

/// What a FarLane does with matrices, by cuBLAS and cuSOLVER and in one pass over their values, on
/// one stream. Functions are those of the lane.
class FarAlgebra {
  public:
    explicit FarAlgebra(cudaStream_t stream);

    void widen(const void* stored, support::ScalarType type, std::int64_t count, float* to);
    /// Waits. Of stored values.
    std::int64_t count_not_finite(const void* values, support::ScalarType type, std::int64_t count);
    void round_to_float(const double* from, std::int64_t count, double factor, float* to);
    void diagonal(const double* matrix, std::span<double> out);
    void scale_columns(float* values, std::int64_t rows, std::span<const float> scale, bool divide);
    void clear_columns(float* values, std::int64_t rows, std::span<const std::uint8_t> which);

    void make_scaled(const ScaledSums& work, float* out);
    bool factor(const ScaledSums& work, bool reversed, double* out);
    void invert_reversed(double* lower, std::int64_t order, float* out);
    void invert(double* lower, std::int64_t order, float* out);
    void multiply_add(const MatrixProduct& work);

  private:
    struct OnCard {
        const double* scale;
        const double* diagonal;
    };
    OnCard upload_of(const ScaledSums& work);
    /// Waits. What a counter on the card says.
    std::int64_t counted(const unsigned long long* counter);
    int info();
    void invert_triangle(double* lower, std::int64_t order);

    cudaStream_t stream_;
    device::DeviceMemory workspace_, scratch_, vectors_, counter_;
    std::vector<std::byte> host_scratch_;
    Cublas cublas_;
    Cusolver cusolver_;
    CusolverParameters parameters_;
};

}  // namespace alphaprune::linalg
