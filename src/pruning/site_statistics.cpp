#include "site_statistics.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>

#include "alphaprune/linalg/aligned_rows.hpp"
#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/pruning/input_norms.hpp"
#include "alphaprune/support/slabs.hpp"
#include "shared_values.hpp"

namespace alphaprune::pruning {
namespace {

/// Sizes of x − x̃ and of e, where they are looked at.
std::vector<std::int64_t> companions(const SiteShape& shape, const OutputTargets& outputs) {
    std::vector<std::int64_t> sizes;
    if (outputs.dense != 0) {
        sizes.push_back(shape.cols);
    }
    if (outputs.residual != 0 && shape.residual_rows > 0) {
        sizes.push_back(shape.residual_rows);
    }
    return sizes;
}

/// Of a sequence, in pieces as they are summed.
std::int64_t most_own_tokens(const SiteWork& work) {
    constexpr std::int64_t kPiece = linalg::JointProducts::kPiece;
    const std::int64_t pieces = (work.tokens + kPiece - 1) / kPiece;
    return std::min((pieces + work.team_ranks - 1) / work.team_ranks * kPiece, work.tokens);
}

OutputTargets outputs_of(const SiteShape& shape, const OutputTargets& asked) {
    return {asked.dense, shape.residual_rows > 0 ? asked.residual : 0.0};
}

}  // namespace

SiteStatistics::SiteStatistics(const BlockInputs& inputs, const SiteShape& shape,
                               const PrunerSettings& settings,
                               std::shared_ptr<parallel::NodeArray<float>> vectors)
    : ranks_(inputs.ranks),
      nodes_(inputs.nodes),
      team_(inputs.team),
      cols_(shape.cols),
      companions_(companions(shape, settings.outputs)),
      far_(inputs.far),
      of_expert_(shape.of_expert),
      is_divided_(shape.is_divided),
      outputs_(outputs_of(shape, settings.outputs)),
      damping_(settings.damping) {
    if (far_ == nullptr) {
        sums_.emplace(ranks_, nodes_, cols_, companions_, std::move(vectors));
    }
}

std::int64_t SiteStatistics::vectors_size(int node_ranks, const SiteShape& shape,
                                          const OutputTargets& outputs) {
    return linalg::JointProducts::vectors_size(node_ranks, shape.cols, companions(shape, outputs));
}

void SiteStatistics::add(const SiteInput& input) {
    if (far_ != nullptr) {
        add_far(input);
        return;
    }
    const parallel::RowRange own = own_tokens(input.tokens);
    const auto rows_of_own = [&](std::span<const float> values) {
        const std::size_t width =
            input.tokens > 0 ? values.size() / static_cast<std::size_t>(input.tokens) : 0;
        return values.subspan(static_cast<std::size_t>(own.begin) * width,
                              static_cast<std::size_t>(own.size()) * width);
    };
    const auto present = rows_of_own(input.present);
    std::vector<std::span<const float>> vectors{present};
    if (outputs_.dense != 0) {
        difference_.resize(present.size());
        share_values(nodes_.threads(), present.size(),
                     [=, dense = rows_of_own(input.dense), difference = std::span(difference_)](
                         std::size_t i) { difference[i] = dense[i] - present[i]; });
        vectors.push_back(difference_);
    }
    if (outputs_.residual != 0) {
        vectors.push_back(rows_of_own(input.drift));
    }
    sums_->add(vectors, own.size());
    tokens_ += own.size();
}

/// Pieces of a sequence as they are summed, so that the sums do not depend on who brings them.
parallel::RowRange SiteStatistics::own_tokens(std::int64_t tokens) const {
    constexpr std::int64_t kPiece = linalg::JointProducts::kPiece;
    const parallel::Communicator& team = team_.ranks();
    const auto pieces =
        parallel::share_of((tokens + kPiece - 1) / kPiece, team.size(), team.rank());
    return {std::min(pieces.begin * kPiece, tokens), std::min(pieces.end * kPiece, tokens)};
}

void SiteStatistics::finish(const std::string& where, const SiteStatistics* routed) {
    difference_ = {};
    tokens_ = ranks_.sum(tokens_);
    diagonal_.resize(static_cast<std::size_t>(cols()));
    std::vector<float> checked;
    if (far_ != nullptr) {
        checked = finish_far(routed);
    } else {
        sums_->finish();
        add_lacking_tokens(routed);
        look_at_diagonal();
        checked = marks_of_targets();
    }
    for (std::size_t j = 0; j < checked.size(); ++j) {
        checked[j] += static_cast<float>(diagonal_[j]);
    }
    require_finite_inputs(checked, where);
    const double mean =
        std::accumulate(diagonal_.begin(), diagonal_.end(), 0.0) / static_cast<double>(cols());
    ridge_ = mean > 0 ? damping_ * mean : 1.0;
}

void SiteStatistics::look_at_diagonal() {
    for (std::int64_t j = 0; j < cols(); ++j) {
        diagonal_[static_cast<std::size_t>(j)] =
            sums_->gram()[static_cast<std::size_t>(j * (cols() + 1))];
    }
}

void SiteStatistics::add_lacking_tokens(const SiteStatistics* routed) {
    if (!lacks_tokens()) {
        return;
    }
    assert(tokens_ > 0);
    const auto lacking = static_cast<double>(cols() - tokens_);
    if (routed != nullptr) {
        sums_->blend(*routed->sums_, lacking / static_cast<double>(routed->tokens_));
        return;
    }
    double trace = 0;
    for (std::int64_t j = 0; j < cols(); ++j) {
        trace += sums_->gram()[static_cast<std::size_t>(j * (cols() + 1))];
    }
    sums_->add_to_diagonal(lacking / static_cast<double>(tokens_) * trace /
                           static_cast<double>(cols()));
}

std::vector<float> SiteStatistics::marks_of_targets() const {
    const auto width = static_cast<std::size_t>(cols());
    std::vector<float> marks(width);
    const std::size_t count = (outputs_.dense != 0 ? 1 : 0) + (outputs_.residual != 0 ? 1 : 0);
    for (std::size_t companion = 0; companion < count; ++companion) {
        const auto sums = sums_->cross(companion);
        const parallel::Communicator& node = nodes_.node();
        const auto rows = parallel::share_of(static_cast<std::int64_t>(sums.size() / width),
                                             node.size(), node.rank());
        constexpr std::int64_t kInputs = 256;
        nodes_.threads().run_slices(cols(), kInputs, [&](parallel::RowRange inputs) {
            for (std::int64_t row = rows.begin; row < rows.end; ++row) {
                for (std::int64_t j = inputs.begin; j < inputs.end; ++j) {
                    marks[static_cast<std::size_t>(j)] +=  // 0·∞ is NaN, too
                        0 * static_cast<float>(sums[static_cast<std::size_t>(row * cols() + j)]);
                }
            }
        });
    }
    ranks_.all_reduce_sum(std::span(marks));
    return marks;
}

/// sum += λ·W·Σ(x−x̃)x̃ᵀ
void SiteStatistics::add_dense_part(const MatrixRows& rows, std::span<float> sum) const {
    constexpr std::int64_t kRows = 128;  // of the factor at a time, in float32
    const std::int64_t width = cols();
    linalg::AlignedRows weights(rows.weights, rows.first_row, width);
    linalg::AlignedRows product(sum, rows.first_row, width);
    const std::int64_t height = std::ssize(weights.all()) / width;
    std::vector<float> factor(static_cast<std::size_t>(std::min(kRows, width) * width));
    support::for_each_slab(
        std::int64_t{0}, width, kRows, [&](std::int64_t begin, std::int64_t end) {
            const auto some =
                sums_->cross(0).subspan(static_cast<std::size_t>(begin * width),
                                        static_cast<std::size_t>((end - begin) * width));
            share_values(nodes_.threads(), some.size(), [=, to = std::span(factor)](std::size_t i) {
                to[i] = static_cast<float>(some[i]);
            });
            linalg::share_groups(nodes_.threads(), height, [&](parallel::RowRange rows_of_thread) {
                const std::int64_t at = rows_of_thread.begin * width;
                linalg::sgemm_of_groups(
                    static_cast<float>(outputs_.dense),
                    {weights.all().data() + at + begin, rows_of_thread.size(), end - begin, width},
                    {factor.data(), end - begin, width, width}, 1,
                    {product.all().data() + at, rows_of_thread.size(), width, width});
            });
        });
    std::ranges::copy(product.own(), sum.begin());
}

std::vector<float> SiteStatistics::gradient(const MatrixRows& rows) const {
    std::vector<float> sum(has_targets() ? rows.weights.size() : 0);
    const std::int64_t width = cols();
    if (outputs_.residual != 0) {
        const auto drift =
            sums_->cross(outputs_.dense != 0 ? 1 : 0)
                .subspan(static_cast<std::size_t>(rows.first_row * width), sum.size());
        share_values(nodes_.threads(), sum.size(),
                     [=, to = std::span(sum), times = outputs_.residual](std::size_t i) {
                         to[i] = static_cast<float>(times * drift[i]);
                     });
    }
    if (outputs_.dense != 0) {
        add_dense_part(rows, sum);
    }
    return sum;
}

SiteCost statistics_cost(const SiteWork& work) {
    constexpr double kSmallTiles = 1.3;  // time over that of one large product
    const SiteShape shape{work.cols, work.residual_rows};
    const auto sizes = companions(shape, work.outputs);
    const auto cols = static_cast<double>(work.cols);
    double height = cols / 2;  // of the symmetric sums one half
    for (const std::int64_t size : sizes) {
        height += static_cast<double>(size);
    }
    const double vectors =
        static_cast<double>(work.node_sequences) * static_cast<double>(work.tokens);
    const double tiles = static_cast<double>(linalg::JointProducts::tiles(work.cols, sizes));
    const double workers = static_cast<double>(work.node_ranks) * work.threads;
    SiteCost cost;
    cost.flops = kSmallTiles * 2 * vectors * height * cols * std::ceil(tiles / workers) / tiles;
    cost.bytes_summed_by_nodes = height * cols * sizeof(double);
    const auto node_ranks = static_cast<std::uint64_t>(work.node_ranks);
    cost.memory =
        linalg::JointProducts::node_memory(work.cols, sizes) / node_ranks +
        linalg::JointProducts::thread_memory(work.cols) * static_cast<std::uint64_t>(work.threads);
    cost.common_memory = static_cast<std::uint64_t>(
                             SiteStatistics::vectors_size(work.node_ranks, shape, work.outputs)) *
                         sizeof(float) / node_ranks;
    if (work.outputs.dense != 0) {  // x − x̃ of the own tokens
        cost.gathering_memory =
            static_cast<std::uint64_t>(most_own_tokens(work) * work.cols) * sizeof(float);
    }
    return cost;
}

}  // namespace alphaprune::pruning
