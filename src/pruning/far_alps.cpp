#include "far_alps.hpp"

#include <array>

#include "alphaprune/parallel/agreement.hpp"
#include "alternation.hpp"
#include "far_projection.hpp"
#include "far_work.hpp"
#include "hessian_pruner.hpp"

namespace alphaprune::pruning {
namespace {

/// See NearAlternation.
class FarAlternation : public Alternation {
  public:
    FarAlternation(FarUnitHessian& hessian, FarUnitProblem& problem, FarProjection& project,
                   const std::string& where)
        : hessian_(hessian),
          problem_(problem),
          project_(project),
          where_(where),
          memory_{linalg::FarBuffer(hessian.lane()), linalg::FarBuffer(hessian.lane()),
                  linalg::FarBuffer(hessian.lane()), linalg::FarBuffer(hessian.lane()),
                  linalg::FarBuffer(hessian.lane())},
          dense_(memory_[0].at_least(problem.size()).data()),
          aim_(memory_[4].at_least(problem.size()).data()),
          sum_(memory_[1].at_least(problem.size()).data()),
          stays_(memory_[2].at_least<std::uint8_t>(problem.size()).data()),
          support_(memory_[3].at_least<std::uint8_t>(problem.size()).data()) {
        lane().clear(support_, static_cast<std::size_t>(problem.size()));
    }

    void step(float penalty) override {
        parallel::check_stop_collectively(hessian_.ranks());
        // R − V + ρD
        add_chosen(problem_.right(), penalty, -sum_penalty_, aim_);
        hessian_.solve(aim_, problem_.rows(), dense_);
        // B + V/ρ
        add_chosen(dense_, 0, sum_penalty_ / penalty, sum_);
        sum_penalty_ = penalty;
        project_.choose(sum_, stays_);
    }

    /// B of the last iteration.
    const float* result() const { return dense_; }

  private:
    linalg::FarLane& lane() const { return hessian_.lane(); }

    void begin_anew() override {
        const auto bytes = static_cast<std::size_t>(problem_.size()) * sizeof(float);
        lane().copy(dense_, problem_.dense(), bytes);
        lane().copy(sum_, problem_.dense(), bytes);
        sum_penalty_ = 0;
        project_.choose(sum_, stays_);
    }

    std::int64_t look_at_support() override {
        return hessian_.ranks().sum(
            lane().look_at_support({sum_, stays_, problem_.size(), support_}));
    }

    void factor(double penalty) override { hessian_.factor(penalty, where_); }

    std::int64_t kept() const override { return project_.kept(); }

    /// out = base + factor·S
    void add_chosen(const float* base, float if_stays, float if_goes, float* out) {
        lane().add_chosen({.base = base,
                           .values = sum_,
                           .stays = stays_,
                           .count = problem_.size(),
                           .if_stays = if_stays,
                           .if_goes = if_goes,
                           .out = out});
    }

    FarUnitHessian& hessian_;
    FarUnitProblem& problem_;
    FarProjection& project_;
    const std::string& where_;
    std::array<linalg::FarBuffer, 5> memory_;
    float* dense_;
    float* aim_;
    float* sum_;
    std::uint8_t* stays_;
    std::uint8_t* support_;
    float sum_penalty_ = 0;
};

/// See refine() of ALPS.
void refine(const FarUnitHessian& hessian, FarUnitProblem& problem, float* pruned) {
    linalg::FarLane& lane = hessian.lane();
    linalg::FarBuffer residuals(lane);
    linalg::FarBuffer directions(lane);
    linalg::FarBuffer products(lane);
    linalg::FarBuffer support(lane);
    linalg::FarBuffer squares(lane);
    float* const product = products.at_least(problem.size()).data();
    const linalg::RefinedRows rows{.values = pruned,
                                   .support = support.at_least<std::uint8_t>(problem.size()).data(),
                                   .residual = residuals.at_least(problem.size()).data(),
                                   .direction = directions.at_least(problem.size()).data(),
                                   .product = product,
                                   .squares = squares.at_least<double>(problem.rows()).data(),
                                   .rows = problem.rows(),
                                   .cols = hessian.cols()};
    hessian.multiply(pruned, problem.rows(), product);
    lane.begin_refining(rows, problem.right());
    for (int step = 0; step < kRefinements; ++step) {
        hessian.multiply(rows.direction, problem.rows(), product);
        lane.refine(rows);
    }
}

void put_back(const FarUnitHessian& hessian, const FarUnitProblem& problem,
              const SiteMatrix& matrix, float* pruned) {
    hessian.lane().scale_columns(pruned, problem.rows(), hessian.scale(), true);
    parallel::run_collectively(hessian.ranks(), [&] { matrix.far->put(pruned); });
}

/// What both pruners begin with.
struct Begun {
    FarUnitProblem problem;
    FarProjection project;
    linalg::FarBuffer best;    ///< B*
    linalg::FarBuffer pruned;  ///< the result

    Begun(const FarUnitHessian& hessian, const SiteMatrix& matrix)
        : problem(hessian, matrix),
          project(hessian.ranks(), hessian.lane(), problem.size(), hessian.cols(), matrix.target,
                  matrix.rows.gone),
          best(hessian.lane()),
          pruned(hessian.lane()) {}

    bool keeps_all() const { return project.kept() == project.total(); }
    float* result() { return pruned.at_least(problem.size()).data(); }
    float* minimizer() { return best.at_least(problem.size()).data(); }
    void minimize(FarUnitHessian& hessian, double shift, const std::string& where) {
        if (hessian.statistics().has_targets()) {
            hessian.factor(shift, where);
        }
        problem.put_minimizer(shift, best);
    }
};

}  // namespace

Fit prune_far_by_alps(FarUnitHessian& hessian, const SiteMatrix& matrix,
                      const PrunerSettings& settings) {
    return far_work([&] {
        Begun begun(hessian, matrix);
        // As near the processor: the factor that is there is made use of.
        const bool begins_with_minimizer = begun.keeps_all() || hessian.is_factored(0);
        if (begins_with_minimizer) {
            begun.minimize(hessian, 0, matrix.where);
        }
        if (begun.keeps_all()) {
            put_back(hessian, begun.problem, matrix, begun.minimizer());
            return Fit{};
        }
        Fit fit;
        {
            FarAlternation alternation(hessian, begun.problem, begun.project, matrix.where);
            fit.iterations = alternation.run(settings.most_iterations);
            begun.project(alternation.result(), begun.result());
        }
        refine(hessian, begun.problem, begun.result());
        if (!begins_with_minimizer) {
            begun.minimize(hessian, 0, matrix.where);
        }
        fit.relative_error =
            relative_error(hessian, begun.problem, begun.result(), begun.minimizer());
        put_back(hessian, begun.problem, matrix, begun.result());
        return fit;
    });
}

Fit prune_far_by_admm(FarUnitHessian& hessian, const SiteMatrix& matrix, const PrunerSettings&) {
    return far_work([&] {
        Begun begun(hessian, matrix);
        begun.minimize(hessian, kAdmmDamping, matrix.where);
        if (begun.keeps_all()) {
            put_back(hessian, begun.problem, matrix, begun.minimizer());
            return Fit{};
        }
        linalg::FarLane& lane = hessian.lane();
        const std::int64_t size = begun.problem.size();
        float* const right = begun.problem.right();
        float* const dense = begun.problem.dense();
        lane.add({right, dense, size, static_cast<float>(kAdmmDamping)});
        linalg::FarBuffer multiplier_memory(lane);
        linalg::FarBuffer stays_memory(lane);
        float* const multipliers = multiplier_memory.at_least(size).data();
        float* const aim = begun.result();
        auto* const stays = stays_memory.at_least<std::uint8_t>(size).data();
        lane.clear(multipliers, static_cast<std::size_t>(size) * sizeof(float));
        const auto choose_part = [&](float if_stays, float if_goes, float* out) {
            lane.add_chosen({.values = dense,
                             .stays = stays,
                             .count = size,
                             .if_stays = if_stays,
                             .if_goes = if_goes,
                             .out = out});
        };
        hessian.factor(kAdmmDamping + kAdmmPenalty, matrix.where);
        for (int iteration = 0; iteration < kAdmmIterations; ++iteration) {
            parallel::check_stop_collectively(hessian.ranks());
            lane.add({dense, multipliers, size, 1});
            if (iteration < kAdmmChoosing) {
                begun.project.choose(dense, stays);
            }
            choose_part(0, 1, multipliers);  // what goes
            lane.add_chosen({.base = right,
                             .values = dense,
                             .stays = stays,
                             .count = size,
                             .if_stays = kAdmmPenalty,
                             .if_goes = -kAdmmPenalty,
                             .out = aim});
            hessian.solve(aim, begun.problem.rows(), dense);
        }
        lane.add({dense, multipliers, size, 1});
        choose_part(1, 0, begun.result());
        const Fit fit{kAdmmIterations,
                      relative_error(hessian, begun.problem, begun.result(), begun.minimizer())};
        put_back(hessian, begun.problem, matrix, begun.result());
        return fit;
    });
}

}  // namespace alphaprune::pruning
