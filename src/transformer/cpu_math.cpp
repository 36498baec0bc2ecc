#include "cpu_math.hpp"

#include <algorithm>
#include <cmath>

#include "attention.hpp"
#include "vector_math.hpp"

namespace alphaprune::transformer {
namespace {

/// Values that a thread takes at a time where each stands for itself.
constexpr std::int64_t kValueSlice = 1 << 16;

template <class Real>
std::span<Real> some_of(std::span<Real> values, parallel::RowRange some) {
    return rows_of(values, 1, some);
}

}  // namespace

std::int64_t CpuMath::thread_scratch() {
    return std::max(attention_scratch(), ProductTiles::kTokens * ProductTiles::kOutputs);
}

void CpuMath::run_mlps(std::span<const MlpWork> works) {
    std::vector<std::pair<const model::LinearLayer*, std::span<const float>>> layers;
    TilesOfProducts tiles;
    for (const MlpWork& work : works) {
        const model::LinearLayer& up = layer(work.mlp.up);
        layers.emplace_back(&up, work.input);
        tiles.add(static_cast<std::int64_t>(work.input.size()) / up.cols, up.rows);
    }
    const LayerWeights::Ready ready = weights_.make_ready(layers);
    weights_.team().share(tiles.count(), [&](std::int64_t item, int thread) {
        const auto& [at, tile] = tiles[item];
        run_inner_tile(works[at], ready.inputs, ready.of_layer[at], tile, thread);
    });
}

void CpuMath::run_inner_tile(const MlpWork& work, const ProductInputs& inputs, std::size_t input,
                             const ProductTile& tile, int thread) const {
    const model::MlpLayer& mlp = work.mlp;
    const model::LinearLayer& up_layer = layer(mlp.up);
    const linalg::FloatView out = tile_of(work.inner, up_layer.rows, tile);
    const bool gated = mlp.gate >= 0;
    weights_.multiply_tile(gated ? layer(mlp.gate) : up_layer, inputs, input, tile, false, out,
                           thread);
    const linalg::FloatView up{of_threads_.of(thread).data(), out.rows, out.cols, out.cols};
    if (gated) {
        weights_.multiply_tile(up_layer, inputs, input, tile, false, up, thread);
    }
    const Activation activate = activation_named(mlp.activation);
    for (std::int64_t token = 0; token < out.rows; ++token) {
        const auto values = row_of(out, token);
        if (mlp.clamped) {
            clamped_gate(*mlp.clamped, values, row_of(up, token));
            continue;
        }
        activate(values);
        if (gated) {
            transformer::multiply(values, row_of(up, token));
        }
    }
}

void CpuMath::rotate(const model::RotaryLayer& rotary, const Heads& heads) {
    const RotaryTable& table = rotary_.of(rotary);
    const auto width = static_cast<std::int64_t>(heads.values.size()) / heads.tokens;
    weights_.team().share_slices(heads.tokens, kTokenSlice, [&](parallel::RowRange tokens) {
        table.apply(rows_of(heads.values, width, tokens), tokens, heads.heads, heads.first);
    });
}

void CpuMath::attend(const AttentionWork& work) {
    transformer::attend(weights_.team(), work.shape,
                        {work.query, work.key, work.value, work.out, weights_.values(work.sinks)},
                        work.tokens, of_threads_);
}

void CpuMath::copy(std::span<const float> from, std::span<float> to) {
    weights_.team().share_slices(
        static_cast<std::int64_t>(from.size()), kValueSlice, [&](parallel::RowRange some) {
            std::ranges::copy(some_of(from, some), some_of(to, some).begin());
        });
}

void CpuMath::copy_columns(const ColumnCopy& work) {
    const auto rows = static_cast<std::int64_t>(work.to.size()) / work.to_width;
    const auto row = [](auto values, std::int64_t width, std::int64_t number, std::int64_t first) {
        return rows_of(values, width, {number, number + 1})
            .subspan(static_cast<std::size_t>(first));
    };
    weights_.team().share_slices(rows, kTokenSlice, [&](parallel::RowRange some) {
        for (std::int64_t r = some.begin; r < some.end; ++r) {
            const auto from = row(work.from, work.from_width, r / work.repeat, work.from_first);
            std::ranges::copy(from.first(static_cast<std::size_t>(work.columns)),
                              row(work.to, work.to_width, r, work.to_first).begin());
        }
    });
}

void CpuMath::clear(std::span<float> values) {
    weights_.team().share_slices(
        static_cast<std::int64_t>(values.size()), kValueSlice,
        [&](parallel::RowRange some) { std::ranges::fill(some_of(values, some), 0.0F); });
}

void CpuMath::add(std::span<float> sum, std::span<float> added, double factor) {
    weights_.team().share_slices(static_cast<std::int64_t>(sum.size()), kValueSlice,
                                 [&](parallel::RowRange some) {
                                     scale(some_of(added, some), static_cast<float>(factor));
                                     transformer::add(some_of(sum, some), some_of(added, some));
                                 });
}

std::vector<RoutedTokens> CpuMath::route(const model::ExpertsLayer& experts, std::int64_t count,
                                         std::span<const float> logits) {
    auto routed = transformer::route(experts.routing, count, logits,
                                     weights_.values(experts.routing.choice_bias));
    sync();  // the logits are read: their place is free
    return routed;
}

void CpuMath::gather(std::span<const float> from, std::int64_t width,
                     std::span<const TokenRows> to) {
    const auto wide = static_cast<std::size_t>(width);
    weights_.team().share(static_cast<std::int64_t>(to.size()), [&](std::int64_t item, int) {
        const TokenRows& some = to[static_cast<std::size_t>(item)];
        auto out = some.rows.begin();
        for (const std::int32_t token : some.tokens) {
            out = std::ranges::copy(from.subspan(static_cast<std::size_t>(token) * wide, wide), out)
                      .out;
        }
    });
}

void CpuMath::add_experts(std::span<const ExpertOutput> experts, std::int64_t width,
                          std::span<float> sum) {
    // By columns: of a token, its experts add in their order.
    constexpr std::int64_t kColumns = 256;
    weights_.team().share_slices(width, kColumns, [&](parallel::RowRange columns) {
        const auto wide = static_cast<std::size_t>(width);
        const auto first = static_cast<std::size_t>(columns.begin);
        const auto count = static_cast<std::size_t>(columns.size());
        for (const ExpertOutput& expert : experts) {
            for (std::size_t i = 0; i < expert.routed.tokens.size(); ++i) {
                const auto values = expert.rows.subspan(i * wide + first, count);
                const auto token = static_cast<std::size_t>(expert.routed.tokens[i]);
                scale(values, expert.routed.weights[i]);
                transformer::add(sum.subspan(token * wide + first, count), values);
            }
        }
    });
}

void CpuMath::add_gated(std::span<float> sum, std::span<float> values, std::int64_t width,
                        std::span<const float> gates) {
    const auto rows = static_cast<std::int64_t>(sum.size()) / width;
    weights_.team().share_slices(rows, kTokenSlice, [&](parallel::RowRange some) {
        for (std::int64_t row = some.begin; row < some.end; ++row) {
            const auto added = rows_of(values, width, {row, row + 1});
            if (!gates.empty()) {
                scale(added, 1.0F / (1.0F + std::exp(-gates[static_cast<std::size_t>(row)])));
            }
            transformer::add(rows_of(sum, width, {row, row + 1}), added);
        }
    });
}

}  // namespace alphaprune::transformer
