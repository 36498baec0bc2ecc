#include "alternation.hpp"

#include <algorithm>
#include <atomic>

#include "alphaprune/parallel/agreement.hpp"
#include "shared_values.hpp"

namespace alphaprune::pruning {
namespace {

// As the authors' code has them.
constexpr double kFirstPenalty = 0.1;
constexpr int kLook = 3;              // iterations between two looks at the support
constexpr double kManyChanges = 0.1;  // of the weights that stay
constexpr double kSomeChanges = 0.005;
constexpr double kFewChanges = 0.0003;
constexpr int kSettling = 30;  // iterations before few changes are enough

}  // namespace

void Alternation::begin() {
    penalty_ = kFirstPenalty;
    begin_anew();
    look_at_support();
    factor(penalty_);
}

int Alternation::run(int most_iterations) {
    begin();
    int iteration = 0;
    bool settled = kept() == 0;
    while (!settled && iteration < most_iterations) {
        step(static_cast<float>(penalty_));
        ++iteration;
        settled = iteration % kLook == 0 && adapt(iteration);
    }
    return iteration;
}

/// The penalty for the next iterations; true when there is no need of any.
bool Alternation::adapt(int iteration) {
    const std::int64_t changed = look_at_support();
    const double share = static_cast<double>(changed) / static_cast<double>(kept());
    if (share > kSomeChanges) {
        raise(share > kManyChanges ? 1.3 : 1.2);
    } else if (changed > 0 && raised_) {
        raise(1.1);
    } else if (raised_) {
        return true;
    } else {
        penalty_ /= 5;
        if (changed > 0) {
            begin_anew();
        }
    }
    if (iteration > kSettling && share < kFewChanges) {
        return true;
    }
    factor(penalty_);
    return false;
}

void Alternation::raise(double factor) {
    penalty_ *= factor;
    raised_ = true;
}

NearAlternation::NearAlternation(UnitHessian& hessian, const UnitProblem& problem,
                                 Projection& project, const std::string& where)
    : hessian_(hessian),
      problem_(problem),
      project_(project),
      where_(where),
      dense_(problem.dense, problem.first_row, hessian.cols()),
      stays_(problem.dense.size()),
      support_(problem.dense.size()) {}

void NearAlternation::begin_anew() {
    std::ranges::copy(problem_.dense, dense_.own().begin());
    sum_ = problem_.dense;
    sum_penalty_ = 0;
    project_.choose(sum_, stays_);
}

std::int64_t NearAlternation::look_at_support() {
    std::atomic<std::int64_t> changed = 0;
    hessian_.threads().run_slices(std::ssize(sum_), kValuesAtATime, [&](parallel::RowRange some) {
        const std::span<const float> sum = sum_;
        const std::span<const std::uint8_t> stays = stays_;
        const std::span<std::uint8_t> support = support_;
        std::int64_t here = 0;
        for (auto i = static_cast<std::size_t>(some.begin); i < static_cast<std::size_t>(some.end);
             ++i) {
            const auto now = static_cast<std::uint8_t>(sum[i] != 0 ? stays[i] : 0);
            here += now != support[i] ? 1 : 0;
            support[i] = now;
        }
        changed += here;
    });
    return hessian_.ranks().sum(changed.load());
}

void NearAlternation::step(float penalty) {
    parallel::check_stop_collectively(hessian_.ranks());
    const float before = -sum_penalty_;
    const float of_multipliers = sum_penalty_ / penalty;
    const std::span<const float> right = problem_.right;
    const std::span<const std::uint8_t> stays = stays_;
    const std::span<float> dense = dense_.own();
    const std::span<float> sum = sum_;
    share_values(hessian_.threads(), sum.size(), [=](std::size_t i) {  // R − V + ρD
        dense[i] = right[i] + (stays[i] != 0 ? penalty : before) * sum[i];
    });
    hessian_.solve(dense_);
    share_values(hessian_.threads(), sum.size(), [=](std::size_t i) {  // B + V/ρ
        sum[i] = dense[i] + (stays[i] != 0 ? 0.0F : of_multipliers) * sum[i];
    });
    sum_penalty_ = penalty;
    project_.choose(sum_, stays_);
}

}  // namespace alphaprune::pruning
