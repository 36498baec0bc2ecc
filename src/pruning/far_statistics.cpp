#include <cassert>
#include <limits>

#include "alphaprune/parallel/agreement.hpp"
#include "far_work.hpp"
#include "site_statistics.hpp"

// What SiteStatistics does where inputs are far from the processor.

namespace alphaprune::pruning {

/// All tokens: beside a card nobody shares a sequence.
void SiteStatistics::add_far(const SiteInput& input) {
    assert(team_.ranks().size() == 1);
    if (input.tokens == 0) {
        return;
    }
    make_far_sums();
    std::vector<std::span<const float>> vectors{input.present};
    if (outputs_.dense != 0) {
        vectors.push_back(
            far_->difference(linalg::FarRoom::difference, input.dense, input.present, 1));
    }
    if (outputs_.residual != 0) {
        vectors.push_back(input.drift);
    }
    far_sums_->add(vectors, input.tokens);
    tokens_ += input.tokens;
}

/// Those of an expert of few tokens the processors add up and blend with others; then they go back
/// to every rank.
std::vector<float> SiteStatistics::finish_far(const SiteStatistics* routed) {
    if (lacks_tokens() || is_divided_) {
        sums_.emplace(ranks_, nodes_, cols_, companions_, far_sums_.get());
        add_lacking_tokens(routed);
        look_at_diagonal();
        std::vector<float> marks = marks_of_targets();
        if (!is_divided_) {
            parallel::run_collectively(ranks_, [&] { put_far(); });
            sums_.reset();
        }
        return marks;
    }
    if (ranks_.size() > 1) {
        parallel::run_collectively(ranks_, [&] { make_far_sums(); });
        far_->add_up(ranks_, nodes_, *far_sums_, cols_);
    }
    return far_work([&] {
        const std::span<const double> all = far_sums_->finished();
        const auto square = static_cast<std::size_t>(cols_ * cols_);
        lane().diagonal(all.data(), diagonal_);
        const std::span<const double> targets = all.subspan(square);
        const bool finite =
            targets.empty() || lane().count_not_finite(targets.data(), std::ssize(targets)) == 0;
        const float mark = finite ? 0.0F : std::numeric_limits<float>::quiet_NaN();
        return std::vector<float>(diagonal_.size(), mark);
    });
}

void SiteStatistics::make_far_sums() {
    if (!far_sums_) {
        far_sums_ = far_->make_sums(cols_, companions_);
    }
}

void SiteStatistics::put_far() {
    make_far_sums();
    std::int64_t row = 0;
    const auto put = [&](std::span<const double> sums) {
        const std::int64_t rows = std::ssize(sums) / cols_;
        far_sums_->put({row, row + rows, 0, cols_}, sums);
        row += rows;
    };
    put(sums_->gram());
    for (std::size_t companion = 0; companion < companions_.size(); ++companion) {
        put(sums_->cross(companion));
    }
}

void SiteStatistics::far_gradient(const float* weights, parallel::RowRange rows, float* out) const {
    const std::int64_t width = cols();
    const double* sums = far_sums_->finished().data() + width * width;
    const double* const dense = sums;
    if (outputs_.dense != 0) {
        sums += width * width;
    }
    if (outputs_.residual != 0) {
        lane().round_to_float(sums + rows.begin * width, rows.size() * width, outputs_.residual,
                              out);
    } else {
        lane().clear(out, static_cast<std::size_t>(rows.size() * width) * sizeof(float));
    }
    if (outputs_.dense != 0) {
        linalg::FarBuffer factor(lane());
        float* const products = factor.at_least(width * width).data();
        lane().round_to_float(dense, width * width, outputs_.dense, products);
        lane().multiply_add(times_square(weights, rows.size(), products, width, out, 1));
    }
}

}  // namespace alphaprune::pruning
