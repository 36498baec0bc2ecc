#include "layers.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <iterator>
#include <numeric>
#include <vector>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/support/stop.hpp"
#include "vector_math.hpp"

namespace alphaprune::transformer {
namespace {

const support::BadRequest<std::int32_t, std::int64_t> kUnknownToken{
    "transformer.unknown-token", "token {} is outside the model's vocabulary of {}",
    "the tokens were made with another model's tokenizer",
    "make the token file with this model's tokenizer"};
const support::BadRequest<std::int64_t, std::int64_t> kTooManyTokens{
    "transformer.too-many-tokens", "a sequence of {} tokens, but the model has {} positions",
    "the model learned a vector for each position, and has no more of them",
    "use a shorter --seqlen"};

void check_tokens(std::span<const std::int32_t> tokens, std::int64_t vocabulary) {
    for (const std::int32_t token : tokens) {
        if (token < 0 || token >= vocabulary) {
            throw kUnknownToken("token ids", token, vocabulary);
        }
    }
}

/// Row `tokens[i]` of the table to row i of `out`; each row is read once.
void look_up(const model::RowSource& source, const model::TensorInfo& table,
             std::span<const std::int32_t> tokens, std::span<float> out) {
    const auto length = static_cast<std::size_t>(table.row_length());
    const auto row = [&](std::size_t i) { return out.subspan(i * length, length); };
    std::vector<std::size_t> order(tokens.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return tokens[i]; });
    for (std::size_t next = 0; next < order.size(); ++next) {
        const std::int64_t token = tokens[order[next]];
        if (next > 0 && tokens[order[next - 1]] == token) {
            std::ranges::copy(row(order[next - 1]), row(order[next]).begin());
        } else {
            read_widened(source, table, {token, token + 1}, row(order[next]));
        }
    }
}

const model::TensorInfo& framed(const ForwardPlan& plan, int described) {
    return plan.tensor(plan.frame_tensors[static_cast<std::size_t>(described)]);
}

void add_positions(const ForwardPlan& plan, const model::RowSource& source,
                   parallel::RowRange tokens, std::span<float> hidden) {
    const model::TensorInfo& table = framed(plan, plan.frame.position_table);
    const std::int64_t offset = plan.frame.position_offset;
    if (tokens.end > table.rows() - offset) {
        throw kTooManyTokens(table.name, tokens.end, table.rows() - offset);
    }
    std::vector<float> positions(hidden.size());
    read_widened(source, table, {offset + tokens.begin, offset + tokens.end}, positions);
    add(hidden, positions);
}

/// W of project_in(); empty where the model has none.
std::vector<float> input_projection(const ForwardPlan& plan, const model::RowSource& source) {
    if (plan.frame.project_in < 0) {
        return {};
    }
    const model::TensorInfo& projection = framed(plan, plan.frame.project_in);
    std::vector<float> weights(
        static_cast<std::size_t>(projection.rows() * projection.row_length()));
    read_widened(source, projection, {0, projection.rows()}, weights);
    return weights;
}

/// hidden = narrow·Wᵀ.
void project_in(const ForwardPlan& plan, std::span<const float> weights,
                std::span<const float> narrow, std::int64_t tokens, std::span<float> hidden) {
    const std::int64_t rows = framed(plan, plan.frame.project_in).rows();
    const std::int64_t cols = framed(plan, plan.frame.project_in).row_length();
    linalg::sgemm(1, {narrow.data(), tokens, cols, cols}, {weights.data(), rows, cols, cols},
                  linalg::Transpose::yes, 0, {hidden.data(), tokens, rows, rows});
}

/// @param projection  of the inputs, see input_projection()
/// @param first       position of the first of the tokens in its sequence
void embed_some(const ForwardPlan& plan, const model::RowSource& source,
                std::span<const float> projection, std::span<const std::int32_t> tokens,
                std::int64_t first, std::span<float> hidden) {
    const model::TensorInfo& table = plan.tensor(plan.embedding);
    const auto count = static_cast<std::int64_t>(tokens.size());
    assert(hidden.size() ==
           tokens.size() * static_cast<std::size_t>(plan.configuration().hidden_size));
    check_tokens(tokens, table.rows());
    if (plan.frame.project_in < 0) {
        look_up(source, table, tokens, hidden);
    } else {
        std::vector<float> narrow(static_cast<std::size_t>(count * table.row_length()));
        look_up(source, table, tokens, narrow);
        project_in(plan, projection, narrow, count, hidden);
    }
    if (plan.frame.embedding_multiplier != 1) {
        scale(hidden, static_cast<float>(plan.frame.embedding_multiplier));
    }
    if (plan.frame.position_table >= 0) {
        add_positions(plan, source, {first, first + count}, hidden);
    }
}

}  // namespace

void apply_norm(const model::NormLayer& norm, const NormValues& learned,
                std::span<const float> values, std::span<float> out) {
    assert(values.size() == out.size());
    std::vector<float> one_more;
    std::span<const float> weights = learned.weights;
    if (norm.unit_offset) {
        std::ranges::transform(weights, std::back_inserter(one_more),
                               [](float weight) { return 1.0F + weight; });
        weights = one_more;
    }
    const auto count = static_cast<std::size_t>(norm.width);
    const auto size = static_cast<double>(norm.width);
    for (std::size_t at = 0; at < values.size(); at += count) {
        const auto row = values.subspan(at, count);
        const float shift =
            norm.kind == model::NormKind::layer ? static_cast<float>(sum(row) / size) : 0.0F;
        const double variance = sum_of_squares(row, shift) / size;
        const auto factor = static_cast<float>(1.0 / std::sqrt(variance + norm.epsilon));
        scale_and_shift(row, shift, factor, weights, learned.biases, out.subspan(at, count));
    }
}

std::span<const float> LayerWeights::values(int described) const {
    return described < 0 ? std::span<const float>{}
                         : weights_.values(tensors_[static_cast<std::size_t>(described)]);
}

std::span<const float> LayerWeights::of_layer(int described,
                                              const model::LinearLayer& layer) const {
    return weights_.outputs(tensors_[static_cast<std::size_t>(described)], layer.expert,
                            layer.pattern, layer.rows);
}

void LayerWeights::run(const model::NormLayer& norm, std::span<const float> values,
                       std::span<float> out) const {
    const auto rows = static_cast<std::int64_t>(values.size()) / norm.width;
    team_.share_slices(rows, kTokenSlice, [&](parallel::RowRange some) {
        apply(norm, rows_of(values, norm.width, some), rows_of(out, norm.width, some));
    });
}

LayerWeights::Ready LayerWeights::make_ready(
    std::span<const std::pair<const model::LinearLayer*, std::span<const float>>> layers) const {
    std::vector<ProductInputs::Input> inputs;
    std::vector<std::size_t> of_layer;
    bool splits = false;
    for (const auto& one : layers) {
        const model::LinearLayer* const layer = one.first;
        const std::span<const float> values = one.second;
        const auto known = std::ranges::find_if(inputs, [&](const auto& other) {
            return other.values.data() == values.data() && other.values.size() == values.size();
        });
        of_layer.push_back(static_cast<std::size_t>(known - inputs.begin()));
        if (known == inputs.end()) {
            inputs.push_back({values, layer->cols});
        }
        splits = splits || (packed_ != nullptr && packed_->layers.find(*layer));
    }
    return {ProductInputs(team_, splits ? packed_ : nullptr, std::move(inputs)),
            std::move(of_layer)};
}

void LayerWeights::run(std::span<const Product> products) const {
    std::vector<std::pair<const model::LinearLayer*, std::span<const float>>> layers;
    TilesOfProducts tiles;
    for (const Product& product : products) {
        layers.emplace_back(&product.layer, product.input);
        tiles.add(static_cast<std::int64_t>(product.input.size()) / product.layer.cols,
                  product.layer.rows);
    }
    const Ready ready = make_ready(layers);
    team_.share(tiles.count(), [&](std::int64_t item, int thread) {
        const auto& [at, tile] = tiles[item];
        const Product& product = products[at];
        multiply_tile(product.layer, ready.inputs, ready.of_layer[at], tile, product.add_to_it,
                      tile_of(product.out, product.layer.rows, tile), thread);
    });
}

void LayerWeights::multiply_tile(const model::LinearLayer& layer, const ProductInputs& inputs,
                                 std::size_t input, const ProductTile& tile, bool add_to_it,
                                 linalg::FloatView out, int thread) const {
    support::check_stop();
    const auto packed =
        inputs.is_split() ? packed_->layers.find(layer) : std::optional<linalg::PackedWeights>{};
    if (packed) {
        linalg::packed_product(inputs.split(input, tile.tokens), *packed, tile.outputs.begin,
                               add_to_it, out, packed_->scratch[static_cast<std::size_t>(thread)]);
    } else {
        const std::int64_t cols = layer.cols;
        const auto weights = of_layer(layer.weight, layer);
        linalg::sgemm(1,
                      {inputs[input].values.data() + tile.tokens.begin * cols, tile.tokens.size(),
                       cols, cols},
                      {weights.data() + tile.outputs.begin * cols, tile.outputs.size(), cols, cols},
                      linalg::Transpose::yes, add_to_it ? 1.0F : 0.0F, out);
    }
    if (layer.bias >= 0) {
        const auto bias = of_layer(layer.bias, layer)
                              .subspan(static_cast<std::size_t>(tile.outputs.begin),
                                       static_cast<std::size_t>(tile.outputs.size()));
        for (std::int64_t token = 0; token < out.rows; ++token) {
            add(row_of(out, token), bias);
        }
    }
}

void embed(const parallel::Team& team, const ForwardPlan& plan, const model::RowSource& source,
           std::span<const std::int32_t> tokens, std::span<float> hidden) {
    constexpr std::int64_t kSlice = 128;  // tokens, enough for one row to serve several of them
    std::vector<float> projection;
    parallel::run_collectively(team.ranks(), [&] { projection = input_projection(plan, source); });
    team.share_slices(std::ssize(tokens), kSlice, [&](parallel::RowRange some) {
        embed_some(plan, source, projection,
                   tokens.subspan(static_cast<std::size_t>(some.begin),
                                  static_cast<std::size_t>(some.size())),
                   some.begin, rows_of(hidden, plan.hidden_size(), some));
    });
}

}  // namespace alphaprune::transformer
