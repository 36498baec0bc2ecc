#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "alphaprune/model/family.hpp"
#include "alphaprune/model/name_list.hpp"
#include "alphaprune/support/message.hpp"
#include "find_matrices.hpp"
#include "name_words.hpp"

namespace alphaprune::model {
namespace {

const support::Warning<std::string, std::int64_t, std::string> kOtherParts{
    "model.other-parts",
    "the decoder blocks are those named {}<0-{}>; other numbered parts of the model stay as they "
    "are: {}",
    "the model has a vision tower, an encoder or extra prediction heads",
    "name with --exclude what was wrongly taken for the decoder"};

const support::Warning<std::string, std::string_view, std::string, std::int64_t> kLanguageModelOnly{
    "model.language-model-only",
    "of this {} model the language model is taken, of the family {}: blocks {}<0-{}>; all other "
    "tensors stay as they are, and perplexities are of text alone",
    "the model has other parts, for images or sound", "none is needed"};

const support::BadRequest<std::string, std::string, std::int64_t> kIncludeMatchesNothing{
    "model.include-matches-nothing",
    "--include '{}' matches no two-dimensional tensor of the blocks {}<0-{}>",
    "the pattern is mistyped, or meant for another model",
    "compare it with the names of the model's tensors"};

const support::BadRequest<std::string> kExcludeMatchesNothing{
    "model.exclude-matches-nothing", "--exclude '{}' matches no tensor of the model",
    "the pattern is mistyped, or meant for another model",
    "compare it with the names of the model's tensors"};

bool any_found(const std::vector<NamePattern>& patterns, std::string_view name) {
    return std::ranges::any_of(patterns,
                               [&](const NamePattern& pattern) { return pattern.found_in(name); });
}

/// Those that the program chooses by default. @return  the tensors inside the blocks
std::vector<BlockTensor> choose_by_rule(Catalogue& catalogue, const MatrixChoice& choice,
                                        support::FaultList& faults) {
    if (const Family* family = family_of(catalogue.configuration)) {
        find_family_matrices(*family, catalogue, faults, choice.fused);
        if (catalogue.configuration.model_type != family->name) {
            catalogue.warnings.push_back(kLanguageModelOnly(catalogue.configuration.model_type,
                                                            family->name, catalogue.decoder.prefix,
                                                            catalogue.decoder.count - 1));
        }
        return RoleFinder(catalogue, catalogue.decoder).tensors_in(catalogue.decoder.count);
    }
    std::optional<ChosenBlocks> chosen = find_generic_matrices(catalogue, choice, faults);
    if (!chosen) {
        return {};
    }
    if (!chosen->others.empty()) {
        catalogue.warnings.push_back(kOtherParts(
            catalogue.decoder.prefix, catalogue.decoder.count - 1, list_names(chosen->others)));
    }
    return std::move(chosen->tensors);
}

/// Adds and removes matrices as the user says.
void apply(const MatrixChoice& choice, const std::vector<BlockTensor>& tensors,
           Catalogue& catalogue) {
    std::vector<MatrixInfo> chosen;
    for (const MatrixInfo& matrix : catalogue.matrices) {
        if (!choice.excludes(catalogue.name_of(matrix)) &&
            !choice.excludes(catalogue.tensor_of(matrix).name)) {
            chosen.push_back(matrix);
        }
    }
    for (const BlockTensor& one : tensors) {
        const TensorInfo& tensor = catalogue.tensors[static_cast<std::size_t>(one.tensor)];
        if (tensor.matrix < 0 && is_matrix(tensor) && choice.includes(tensor.name)) {
            chosen.push_back(whole_matrix(catalogue, one.tensor, one.block));
        }
    }
    std::ranges::stable_sort(chosen, {}, &MatrixInfo::block);
    forget_matrices(catalogue);
    for (MatrixInfo& matrix : chosen) {
        add_matrix(catalogue, std::move(matrix));
    }
}

/// @param matrices  names of all that the program chooses by default
void require_matches(const MatrixChoice& choice, const std::vector<BlockTensor>& tensors,
                     const std::vector<std::string>& matrices, const Catalogue& catalogue,
                     support::FaultList& faults) {
    const std::string where = catalogue.folder.string();
    for (const NamePattern& pattern : choice.include) {
        const bool found = std::ranges::any_of(tensors, [&](const BlockTensor& one) {
            const TensorInfo& tensor = catalogue.tensors[static_cast<std::size_t>(one.tensor)];
            return is_matrix(tensor) && pattern.found_in(tensor.name);
        });
        if (!found) {
            faults.add(kIncludeMatchesNothing(where, pattern.text(), catalogue.decoder.prefix,
                                              catalogue.decoder.count - 1));
        }
    }
    for (const NamePattern& pattern : choice.exclude) {
        const bool found = std::ranges::any_of(catalogue.tensors, [&](const TensorInfo& tensor) {
            return pattern.found_in(tensor.name);
        });
        const bool found_slice = std::ranges::any_of(
            matrices, [&](const std::string& name) { return pattern.found_in(name); });
        if (!found && !found_slice) {
            faults.add(kExcludeMatchesNothing(where, pattern.text()));
        }
    }
}

/// Model types whose layers named c_… are transformers' Conv1D.
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

/// The orientation that follows from the shape of a layer that reads the hidden state: -1 for
/// outputs × inputs, 1 for inputs × outputs, 0 if neither does. Where the configuration does not
/// give the hidden size, three times as many outputs as inputs (queries, keys, values) decide.
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

bool MatrixChoice::includes(std::string_view name) const {
    return any_found(include, name) && !excludes(name);
}

bool MatrixChoice::excludes(std::string_view name) const {
    return any_found(exclude, name);
}

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

void choose_matrices(Catalogue& catalogue, const MatrixChoice& choice) {
    support::FaultList faults;
    forget_matrices(catalogue);
    const std::vector<BlockTensor> tensors = choose_by_rule(catalogue, choice, faults);
    faults.throw_if_any();
    std::vector<std::string> matrices;
    for (const MatrixInfo& matrix : catalogue.matrices) {
        matrices.push_back(catalogue.name_of(matrix));
    }
    apply(choice, tensors, catalogue);
    if (catalogue.family == "generic") {
        find_orientation(catalogue);
    }
    require_matches(choice, tensors, matrices, catalogue, faults);
    judge_prunable_share(catalogue, tensors, choice, faults);
}

}  // namespace alphaprune::model
