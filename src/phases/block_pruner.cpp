#include "block_pruner.hpp"

#include <fmt/format.h>

#include "alphaprune/pruning/input_norms.hpp"
#include "alphaprune/pruning/row_pruning.hpp"
#include "alphaprune/pruning/sparsegpt.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::phases {
namespace {

class WandaPruner : public BlockPruner {
  public:
    WandaPruner(const parallel::Communicator& ranks, std::span<const transformer::InputSite> sites,
                std::int64_t sequences)
        : ranks_(ranks), sequences_(sequences), norms_(sites.size()) {
        for (const transformer::InputSite& site : sites) {
            gathered_.emplace_back(site.cols);
        }
    }

    void observe(std::size_t site, std::int64_t sequence, std::span<const float> input,
                 std::int64_t tokens) override {
        if (tokens > 0) {
            gathered_[site].add_sequence(sequence, input, tokens);
        }
    }
    void finish_statistics(std::size_t site, const std::string& where) override {
        norms_[site] = gathered_[site].norms(ranks_, sequences_, where);
    }
    void prune(std::size_t site, std::span<float> rows, const PruneTarget& target,
               const std::string& where) override {
        const auto cols = static_cast<std::int64_t>(norms_[site].size());
        require_finite_scores(rows, cols, norms_[site], where);
        if (target.pattern) {
            pruning::prune_rows(rows, cols, norms_[site], *target.pattern);
        } else {
            pruning::prune_rows(rows, cols, norms_[site], target.ratio);
        }
    }

  private:
    void require_finite_scores(std::span<const float> rows, std::int64_t cols,
                               std::span<const float> norms, const std::string& where) const {
        const std::int64_t wrong = ranks_.sum(pruning::count_overflows(rows, cols, norms));
        if (wrong > 0) {
            throw support::failure(
                fmt::format("{} scores (weight times norm of its input) are too large "
                            "for float32",
                            wrong),
                where, "check the model's weights and the calibration tokens")
                .mark_agreed();
        }
    }

    const parallel::Communicator& ranks_;
    std::int64_t sequences_;
    std::vector<pruning::InputNorms> gathered_;
    std::vector<std::vector<float>> norms_;
};

class SparseGptPruner : public BlockPruner {
  public:
    SparseGptPruner(const parallel::Communicator& ranks,
                    std::span<const transformer::InputSite> sites, std::int64_t sequences)
        : ranks_(ranks), sequences_(sequences), factors_(sites.size()) {
        for (const transformer::InputSite& site : sites) {
            hessians_.emplace_back(ranks, site.cols);
        }
    }

    void observe(std::size_t site, std::int64_t, std::span<const float> input,
                 std::int64_t tokens) override {
        hessians_[site].add(input, tokens);
    }
    void finish_statistics(std::size_t site, const std::string& where) override {
        constexpr double kUsualDamping = 0.01;
        factors_[site].emplace(ranks_, std::move(hessians_[site]), sequences_, where);
        if (factors_[site]->damping() > kUsualDamping) {
            notes_.push_back(
                fmt::format("{}: the Hessian was not positive definite; damping was "
                            "raised from {} to {}",
                            where, kUsualDamping, factors_[site]->damping()));
        }
    }
    void prune(std::size_t site, std::span<float> rows, const PruneTarget& target,
               const std::string& where) override {
        pruning::prune_sparsegpt(ranks_, *factors_[site], rows, target.ratio, target.pattern,
                                 where);
    }
    std::vector<std::string> notes() const override { return notes_; }

  private:
    const parallel::Communicator& ranks_;
    std::int64_t sequences_;
    std::vector<pruning::Hessian> hessians_;
    std::vector<std::optional<pruning::InverseFactor>> factors_;
    std::vector<std::string> notes_;
};

}  // namespace

std::unique_ptr<BlockPruner> make_block_pruner(pruning::CalibratedMethod method,
                                               const parallel::Communicator& ranks,
                                               std::span<const transformer::InputSite> sites,
                                               std::int64_t sequences) {
    if (method == pruning::CalibratedMethod::wanda) {
        return std::make_unique<WandaPruner>(ranks, sites, sequences);
    }
    return std::make_unique<SparseGptPruner>(ranks, sites, sequences);
}

}  // namespace alphaprune::phases
