#pragma once

#include <optional>
#include <vector>

#include "alphaprune/pruning/pruners.hpp"
#include "pruning/site_problem.hpp"

// ALPS and ADMM written down a second time: float64 throughout, dense matrices, plain loops.
namespace alphaprune::test {

using PlainValues = std::vector<double>;

/// min ‖W'X̃ − targets‖²: what is to be known of a site and its matrix.
struct PlainProblem {
    std::size_t cols = 0;
    PlainValues gram;     ///< H = Σ x̃x̃ᵀ
    PlainValues right;    ///< R = Σ target·x̃ᵀ, with λ·Wx + (1−λ)·Wx̃ + μ·e as target
    PlainValues weights;  ///< W
};
PlainProblem plain_problem(const SiteProblem& site, const pruning::OutputTargets& outputs = {});

/// δ: a hundredth of the mean diagonal.
double plain_ridge(const PlainProblem& problem);
/// H + shift·I
PlainValues shifted(PlainValues gram, double shift);
/// rows · matrix
PlainValues times(const PlainValues& rows, const PlainValues& matrix);
/// rows · matrix⁻¹, by Gauss elimination
PlainValues divided(PlainValues rows, PlainValues matrix);
/// W* = (R + δW)(H+δI)⁻¹
PlainValues plain_minimizer(const PlainProblem& problem, double ridge);

/// tr(Δ·matrix·Δᵀ), where Δ is the difference.
double plain_energy(const std::vector<float>& weights, const PlainValues& minimizer,
                    const PlainValues& matrix);

/// Which weights a choice of the largest keeps, by sorting; of equals the last ones.
std::vector<bool> kept_by_sorting(const PlainValues& values, std::size_t cols,
                                  const pruning::PruneTarget& target);

struct PlainSolution {
    PlainValues weights;
    int iterations = 0;
    int fresh_starts = 0;
};
PlainSolution plain_alps(const PlainProblem& problem, const pruning::PruneTarget& target);
PlainSolution plain_admm(const PlainProblem& problem, const pruning::PruneTarget& target);
/// The same with another number of iterations, of 20, that choose the weights that stay.
PlainSolution plain_admm_choosing(const PlainProblem& problem, const pruning::PruneTarget& target,
                                  int choosing);

}  // namespace alphaprune::test
