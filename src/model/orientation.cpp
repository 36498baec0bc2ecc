#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "find_matrices.hpp"
#include "name_words.hpp"

namespace alphaprune::model {
namespace {

/// Kinds of models whose layers named c_… are of transformers' Conv1D.
constexpr std::array<std::string_view, 7> kConv1dTypes{
    "gpt2", "openai-gpt", "imagegpt", "decision_transformer", "clvp", "clvp_decoder", "jais"};

/// "c_fc" of "h.0.mlp.c_fc.weight".
std::string_view layer_of(std::string_view name) {
    const auto parts = components_of(name);
    return parts.size() < 2 ? std::string_view() : parts[parts.size() - 2];
}

/// Names that GPT-2 gave its layers. Others use them for layers that are stored as usual.
bool is_named_as_in_gpt2(std::string_view layer) {
    constexpr std::array<std::string_view, 5> kNames{"c_attn", "c_fc", "c_fc2", "c_proj", "q_attn"};
    return std::ranges::count(kNames, layer) > 0;
}

/// What the shape of a layer says that reads the hidden state: -1 outputs × inputs, 1 inputs ×
/// outputs, 0 nothing. Where the configuration does not say how large the hidden state is, three
/// times as many outputs as inputs (queries, keys, values) tell.
int reads_down_the_columns(const MatrixInfo& matrix, std::string_view layer, std::int64_t hidden) {
    const bool reads_hidden = layer == "c_attn" || layer == "c_fc" || layer == "c_fc2";
    if (!reads_hidden || matrix.rows == matrix.cols) {
        return 0;
    }
    if (hidden > 0 && (matrix.rows == hidden || matrix.cols == hidden)) {
        return matrix.rows == hidden ? 1 : -1;
    }
    if (layer == "c_attn") {
        return matrix.cols == 3 * matrix.rows ? 1 : matrix.rows == 3 * matrix.cols ? -1 : 0;
    }
    return 0;
}

}  // namespace

void find_orientation(Catalogue& catalogue) {
    const ModelConfiguration& model = catalogue.configuration;
    std::int64_t says = 0;
    for (const MatrixInfo& matrix : catalogue.matrices) {
        says +=
            reads_down_the_columns(matrix, layer_of(catalogue.name_of(matrix)), model.hidden_size);
    }
    const auto is_known = [](const std::string& type) {
        return std::ranges::count(kConv1dTypes, type) > 0;
    };
    const bool transposed =
        says != 0 ? says > 0 : is_known(model.model_type) || is_known(model.text_type);
    for (MatrixInfo& matrix : catalogue.matrices) {
        matrix.transposed = transposed && is_named_as_in_gpt2(layer_of(catalogue.name_of(matrix)));
    }
}

}  // namespace alphaprune::model
