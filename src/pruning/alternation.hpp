#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/linalg/aligned_rows.hpp"
#include "projection.hpp"
#include "unit_problem.hpp"

namespace alphaprune::pruning {

/// ADMM for min ½tr(BĤBᵀ) − tr(BRᵀ) with few weights (ALPS, arXiv 2406.07831, algorithm 1): B, its
/// sparse copy D, the multipliers V, and the penalty ρ, which rises once the support of D settles.
/// For this rank's rows, wherever they are; all calls are collective.
class Alternation {
  public:
    virtual ~Alternation() = default;

    /// Alternates until the support has settled. @return iterations
    int run(int most_iterations);

    /// With the first penalty.
    void begin();
    /// One iteration: B = (R − V + ρD)(Ĥ+ρI)⁻¹; D = largest of B + V/ρ; V += ρ(B − D).
    /// @param penalty  ρ, that the Hessian was factored with
    virtual void step(float penalty) = 0;
    double penalty() const { return penalty_; }

  protected:
    /// B = B₀, D is its largest, V = 0.
    virtual void begin_anew() = 0;
    /// How many places, on all ranks, have entered or left the support of D since the last look.
    virtual std::int64_t look_at_support() = 0;
    virtual void factor(double penalty) = 0;
    /// Weights that stay, on all ranks.
    virtual std::int64_t kept() const = 0;

  private:
    bool adapt(int iteration);
    void raise(double factor);

    double penalty_ = 0;   ///< ρ
    bool raised_ = false;  ///< has ρ been, ever
};

/// In the memory of the processor.
class NearAlternation : public Alternation {
  public:
    /// Everything given outlives the object.
    /// @param where  the matrix, for messages
    NearAlternation(UnitHessian& hessian, const UnitProblem& problem, Projection& project,
                    const std::string& where);

    void step(float penalty) override;
    /// B of the last iteration.
    std::span<const float> result() { return dense_.own(); }

  private:
    void begin_anew() override;
    std::int64_t look_at_support() override;
    void factor(double penalty) override { hessian_.factor(penalty, where_); }
    std::int64_t kept() const override { return project_.kept(); }

    UnitHessian& hessian_;
    const UnitProblem& problem_;
    Projection& project_;
    const std::string& where_;
    linalg::AlignedRows dense_;  ///< B
    // After an iteration V is ρ(B + V/ρ) where a weight goes and zero where it stays, and D the
    // other way round, so that S = B + V/ρ and the places that stay say both.
    std::vector<float> sum_;           ///< S
    std::vector<std::uint8_t> stays_;  ///< 1 or 0
    float sum_penalty_ = 0;            ///< ρ of that iteration; 0: V is zero
    std::vector<std::uint8_t> support_;
};

}  // namespace alphaprune::pruning
