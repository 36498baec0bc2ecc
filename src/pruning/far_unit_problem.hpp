#pragma once

#include <optional>
#include <string>

#include "alphaprune/linalg/far_lane.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "site_statistics.hpp"
#include "unit_problem.hpp"

namespace alphaprune::pruning {

/// UnitHessian far from the processor, where each rank has a whole one. But for the constructor and
/// factor() functions throw device::CardError.
class FarUnitHessian {
  public:
    /// Collective. @param statistics  finished, far; outlives the object @param ridge  δ
    /// @throws Error on all ranks where the memory there does not suffice
    FarUnitHessian(const BlockInputs& inputs, SiteStatistics& statistics, double ridge);

    std::int64_t cols() const { return statistics_.cols(); }
    const SiteStatistics& statistics() const { return statistics_; }
    const parallel::Communicator& ranks() const { return ranks_; }
    linalg::FarLane& lane() const { return statistics_.lane(); }
    std::span<const float> scale() const { return scale_.scale; }

    /// out = rows·Ĥ + beta·out
    void multiply(const float* values, std::int64_t rows, float* out, float beta = 0) const {
        multiply(values, rows, values_, out, beta);
    }
    /// Collective. As UnitHessian::factor
    void factor(double shift, const std::string& where);
    bool is_factored(double shift) const { return shift_ == shift; }
    /// out = rows·(Ĥ + shift·I)⁻¹
    void solve(const float* values, std::int64_t rows, float* out) const {
        multiply(values, rows, inverse_, out, 0);
    }

  private:
    void multiply(const float* values, std::int64_t rows, const float* by, float* out,
                  float beta) const;

    const parallel::Communicator& ranks_;
    SiteStatistics& statistics_;
    UnitScale scale_;
    std::optional<double> shift_;  ///< of the present factor
    linalg::FarBuffer triangle_;   ///< in float64
    linalg::FarBuffer inverse_memory_;
    linalg::FarBuffer memory_;
    float* inverse_ = nullptr;
    const float* values_ = nullptr;
};

/// UnitProblem of this rank's rows, far from the processor. Functions throw device::CardError.
class FarUnitProblem {
  public:
    /// Takes the rows of the matrix. @param hessian  outlives the object
    FarUnitProblem(const FarUnitHessian& hessian, const SiteMatrix& matrix);

    std::int64_t rows() const { return rows_; }
    std::int64_t size() const { return rows_ * hessian_.cols(); }
    std::int64_t first_row() const { return first_row_; }
    float* dense() { return values(dense_); }  ///< B₀ = WD
    float* right() { return values(right_); }  ///< R = B₀Ĥ + GD⁻¹

    /// B*: see minimizer(). The Hessian must have been factored with this shift where there are
    /// targets.
    void put_minimizer(double shift, linalg::FarBuffer& best);

  private:
    float* values(linalg::FarBuffer& memory) const { return memory.at_least(size()).data(); }

    const FarUnitHessian& hessian_;
    std::int64_t rows_;
    std::int64_t first_row_;
    linalg::FarBuffer dense_;
    linalg::FarBuffer right_;
};

/// The same as relative_error() in the memory of the processor. Collective.
double relative_error(const FarUnitHessian& hessian, const FarUnitProblem& problem,
                      const float* pruned, const float* minimizer);

}  // namespace alphaprune::pruning
