#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/linalg/aligned_rows.hpp"
#include "alphaprune/linalg/node_cholesky.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "site_statistics.hpp"

namespace alphaprune::pruning {

/// D of a site, whose diagonal makes that of Ĥ = D⁻¹(H+δI)D⁻¹ one.
struct UnitScale {
    std::vector<float> scale;           ///< D
    std::vector<double> inverse;        ///< D⁻¹
    std::vector<double> unit_diagonal;  ///< of Ĥ

    /// @param ridge  δ
    UnitScale(std::span<const double> squares, double ridge);
    /// The diagonal of Ĥ + shift·I.
    std::vector<double> shifted(double shift) const;
};

/// Collective. @throws Error on all ranks unless Ĥ + shift·I was positive definite on all
void require_positive(const parallel::Communicator& ranks, bool positive, double shift,
                      const std::string& where);

/// Ĥ = D⁻¹(H+δI)D⁻¹ of a site, where D makes its diagonal one: in these variables a matrix W is
/// B = WD (ALPS, arXiv 2406.07831, section 3.2). Each node holds it once.
class UnitHessian {
  public:
    /// Collective. @param statistics  finished; outlives the object
    /// @param ridge  δ
    UnitHessian(const BlockInputs& inputs, const SiteStatistics& statistics, double ridge);

    std::int64_t cols() const { return statistics_.cols(); }
    const SiteStatistics& statistics() const { return statistics_; }
    const parallel::Communicator& ranks() const { return ranks_; }
    /// Of this rank: they share its rows.
    const parallel::ThreadPool& threads() const { return threads_; }
    /// D, one per input.
    std::span<const float> scale() const { return scale_.scale; }

    // For this rank's rows of a matrix, from `first_row` on: the same bits however it is divided.
    /// out = rows·Ĥ, the same rows of the matrix
    void multiply(const linalg::AlignedRows& rows, linalg::AlignedRows& out) const;
    /// Collective: solve() is with Ĥ + shift·I from now on. @param where  for messages
    /// @throws Error on all ranks when that is not positive definite
    void factor(double shift, const std::string& where);
    /// Whether solve() is with Ĥ + shift·I, the same on all ranks.
    bool is_factored(double shift) const { return shift_ == shift; }
    /// rows := rows·(Ĥ + shift·I)⁻¹
    void solve(linalg::AlignedRows& rows) const { cholesky_->solve(rows); }
    void solve(std::span<float> rows, std::int64_t first_row) const {
        cholesky_->solve(rows, first_row);
    }

  private:
    const parallel::Communicator& ranks_;
    const parallel::ThreadPool& threads_;
    const SiteStatistics& statistics_;
    UnitScale scale_;
    std::optional<double> shift_;  ///< of the present factor
    // Made together, so that no node goes on where another has no room.
    std::optional<parallel::NodeArray<float>> values_;
    std::optional<linalg::NodeCholesky> cholesky_;
};

/// Rows of one matrix in these variables: the B that comes nearest to what outputs are fitted to
/// solves BĤ = R.
struct UnitProblem {
    std::vector<float> dense;  ///< B₀ = WD
    std::vector<float> right;  ///< R = B₀Ĥ + GD⁻¹
    std::int64_t first_row;    ///< of the matrix

    UnitProblem(const UnitHessian& hessian, const MatrixRows& rows);
};

/// The sum of what all rows of a matrix have, the same bits on any number of ranks. Collective.
/// @param own  of this rank's rows, from `first_row` on
double sum_over_rows(const parallel::Communicator& ranks, std::span<const double> own,
                     std::int64_t first_row);

/// In float64, in a fixed order.
double inner_product(std::span<const float> one, std::span<const float> other);

/// W = BD⁻¹. @param weights  may be the same as `pruned`
void scale_back(const UnitHessian& hessian, std::span<const float> pruned,
                std::span<float> weights);

/// B*, which solves the problem without a mask, with `shift` on the diagonal of Ĥ: B₀ without
/// targets. Collective; factors the Hessian anew where there are targets.
std::vector<float> minimizer(UnitHessian& hessian, const UnitProblem& problem, double shift,
                             const std::string& where);

/// tr((B−B*)Ĥ(B−B*)ᵀ) / tr(B*ĤB*ᵀ) over all ranks. Collective.
double relative_error(const UnitHessian& hessian, const UnitProblem& problem,
                      std::span<const float> pruned, std::span<const float> minimizer);

}  // namespace alphaprune::pruning
