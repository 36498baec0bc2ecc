#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/linalg/joint_products.hpp"
#include "alphaprune/pruning/pruners.hpp"

namespace alphaprune::pruning {

/// What the calibration sequences say about the matrices of a site. With x̃ the present inputs, x
/// the dense ones and e the drift of the residual stream, sums over all tokens:
///   H = Σ x̃x̃ᵀ,  G = λ·W·Σ(x−x̃)x̃ᵀ + μ·Σ e x̃ᵀ
/// so that ‖W'X̃ − (λ·WX + (1−λ)·WX̃ + μ·E)‖² + δ‖W'−W‖² has the gradient (W'−W)(H+δI) − G, twice.
/// The same bits on any number of ranks, but for inputs far from the processor (linalg::FarMemory).
///
/// With fewer tokens than inputs the H of an expert is singular. What lacks, T − t of T = cols
/// tokens, counts as typical ones: for what a mixture divides, as the average of all tokens that it
/// divides (H and G alike); for the inner values of an expert, whose order and scale are its own,
/// as independent inputs of their mean size. So the statistics go over into the expert's own at
/// t = T.
class SiteStatistics {
  public:
    /// Collective. @param vectors  see JointProducts; of vectors_size()
    SiteStatistics(const BlockInputs& inputs, const SiteShape& shape,
                   const PrunerSettings& settings,
                   std::shared_ptr<parallel::NodeArray<float>> vectors = nullptr);

    static std::int64_t vectors_size(int node_ranks, const SiteShape& shape,
                                     const OutputTargets& outputs);

    /// Collective, but for inputs that are far.
    void add(const SiteInput& input);
    /// Collective. @throws Error (failure) on all ranks when inputs, or what targets add, are not
    /// finite
    /// @param routed  of the mixture that the site is a part of, finished; nullptr: of none
    /// @pre an expert's has had a token
    void finish(const std::string& where, const SiteStatistics* routed = nullptr);

    // After finish():
    std::int64_t tokens() const { return tokens_; }
    std::int64_t cols() const { return cols_; }
    /// H, cols × cols, in the memory of the node. @pre !is_far()
    std::span<const double> gram() const { return sums_->gram(); }
    /// Of H.
    std::span<const double> diagonal() const { return diagonal_; }
    /// δ: `damping` times the mean diagonal; 1 where all inputs are zero.
    double ridge() const { return ridge_; }
    bool has_targets() const { return outputs_.any(); }
    /// G for these rows; empty without targets. @pre !is_far()
    std::vector<float> gradient(const MatrixRows& rows) const;

    /// Whether inputs are far from the processor: then H is there, on every rank.
    bool is_far() const { return far_ != nullptr; }
    linalg::FarLane& lane() const { return far_->lane(); }
    /// H there; what is at and above the diagonal counts. @pre is_far()
    const double* far_gram() const { return far_sums_->finished().data(); }
    /// G there. Throws device::CardError. @pre is_far(), has_targets()
    /// @param weights  of these rows of a matrix, there
    /// @param out      as many
    void far_gradient(const float* weights, parallel::RowRange rows, float* out) const;

  private:
    /// Of a sequence, those that this rank of its team adds.
    parallel::RowRange own_tokens(std::int64_t tokens) const;
    void add_far(const SiteInput& input);
    /// @return what is finite where all that targets add is
    std::vector<float> finish_far(const SiteStatistics* routed);
    void make_far_sums();
    /// The finished sums, to where inputs are.
    void put_far();
    bool lacks_tokens() const { return of_expert_ && tokens_ < cols_; }
    void look_at_diagonal();
    void add_lacking_tokens(const SiteStatistics* routed);
    void add_dense_part(const MatrixRows& rows, std::span<float> sum) const;
    /// Per input 0, or NaN where Σ y xᵀ is not finite.
    std::vector<float> marks_of_targets() const;

    const parallel::Communicator& ranks_;
    const parallel::NodeMap& nodes_;
    const parallel::Team& team_;
    std::int64_t cols_;
    std::vector<std::int64_t> companions_;  ///< sizes of x − x̃ and of e, where they are looked at
    linalg::FarMemory* far_;
    std::unique_ptr<linalg::FarSums> far_sums_;  ///< of this rank; nullptr: without a token
    std::optional<linalg::JointProducts> sums_;  ///< of what a mixture divides on after finish()
    bool of_expert_;
    bool is_divided_;
    OutputTargets outputs_;
    double damping_;
    std::int64_t tokens_ = 0;  ///< of this rank; when finished, of all
    std::vector<double> diagonal_;
    double ridge_ = 0;
    std::vector<float> difference_;  ///< x − x̃ of what this rank adds
};

/// Gathering them: flops of a rank, and its share of the memory of its node.
SiteCost statistics_cost(const SiteWork& work);

}  // namespace alphaprune::pruning
