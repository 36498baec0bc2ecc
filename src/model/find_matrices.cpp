#include "find_matrices.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "alphaprune/model/name_list.hpp"
#include "alphaprune/support/message.hpp"
#include "name_words.hpp"

namespace alphaprune::model {
namespace {

const support::BadRequest<std::string_view, std::string_view> kNoBlocks{
    "model.no-blocks", "no tensor is named {}<number>.<...>, as those of the family {} are",
    "config.json and the weights belong to different models, or model_type is wrong",
    "check that config.json and the weights belong to the same model"};
const support::BadRequest<std::int64_t, std::int64_t, std::string> kWrongBlockCount{
    "model.block-count",
    "config.json announces {} blocks (num_hidden_layers), but the weights have {}: numbers {}",
    "config.json and the weights belong to different models, or shards are missing",
    "check that config.json and the weights belong to the same model"};
const support::BadRequest<std::string_view, std::string> kMissingWeights{
    "model.missing-weights", "weights that every block of the family {} has are missing: {}",
    "not all files of the model were fetched, or it is of another family",
    "fetch the missing files, or correct model_type in config.json"};
const support::BadRequest<std::string> kNoMatrices{
    "model.misshapen-weights",
    "weights that should have two dimensions, neither of them zero, have not: {}",
    "the model was saved in a flattened or quantized form",
    "save the model again, neither flattened nor quantized"};
const support::BadRequest<std::string> kMisshapenSlices{
    "model.misshapen-slices",
    "tensors that hold several matrices do not have the shape that follows from config.json: {}",
    "config.json and the weights belong to different models",
    "check that config.json and the weights belong to the same model"};

std::set<std::int64_t> blocks_under(std::string_view prefix, const Catalogue& catalogue) {
    std::set<std::int64_t> blocks;
    for (const TensorInfo& tensor : catalogue.tensors) {
        if (const auto part = after_prefix(tensor.name, prefix)) {
            blocks.insert(part->number);
        }
    }
    return blocks;
}

/// "layers." of "model.layers."
std::string_view stack_of(const Family& family) {
    return family.block_prefix.substr(family.base_prefix.size());
}

/// What stands before "layers.0." in those names whose rest and shape are of the family's block 0:
/// the prefix that most tensors have.
std::string base_of_part(const Family& family, const Catalogue& catalogue) {
    std::unordered_map<std::string_view, const TensorSpec*> specs;
    const BlockDescription block = family.describe_block(catalogue.configuration, 0);
    for (const TensorSpec& spec : block.tensors) {
        specs.emplace(spec.name, &spec);
    }
    const std::string first = fmt::format("{}0.", stack_of(family));
    std::map<std::string_view, int> counts;
    for (const TensorInfo& tensor : catalogue.tensors) {
        const std::string_view name = tensor.name;
        const std::size_t at = name.starts_with(first) ? 0 : name.find("." + first);
        if (at == std::string_view::npos) {
            continue;
        }
        const std::size_t begin = at + (name.starts_with(first) ? 0 : 1);
        const auto spec = specs.find(name.substr(begin + first.size()));
        if (spec != specs.end() && spec->second->shape == tensor.shape) {
            ++counts[name.substr(0, begin)];
        }
    }
    const auto most = std::ranges::max_element(
        counts, {}, [](const auto& prefix_and_count) { return prefix_and_count.second; });
    return std::string(most == counts.end() ? family.base_prefix : most->first);
}

/// What the files have in place of the family's base prefix.
std::string base_in_use(const Family& family, const Catalogue& catalogue) {
    if (catalogue.configuration.is_part) {
        return base_of_part(family, catalogue);
    }
    const bool is_whole = !blocks_under(family.block_prefix, catalogue).empty();
    return std::string(is_whole ? family.base_prefix : "");
}

/// True when the files hold exactly the blocks that the configuration announces.
bool check_blocks(const Family& family, const std::set<std::int64_t>& found,
                  const Catalogue& catalogue, support::FaultList& faults) {
    const std::int64_t expected = catalogue.configuration.blocks;
    const auto count = static_cast<std::int64_t>(found.size());
    // Blocks for multi-token prediction may follow; they are carried as they are.
    const std::int64_t behind = catalogue.configuration.prediction_blocks;
    const std::int64_t last = found.empty() ? -1 : *found.rbegin();
    if (count == last + 1 && expected <= count && count <= expected + behind) {
        return true;
    }
    const std::string where = catalogue.folder.string();
    if (found.empty()) {
        faults.add(kNoBlocks(where, family.block_prefix, family.name));
    } else {
        faults.add(kWrongBlockCount(where, expected, count, list_numbers(found)));
    }
    return false;
}

/// Of the forms that a block's experts may have, the one of which most names and shapes are there.
ExpertStorage storage_of_experts(const Family& family, std::string_view prefix,
                                 const Catalogue& catalogue) {
    ModelConfiguration model = catalogue.configuration;
    std::int64_t block = 0;
    while (block < model.blocks && model.is_dense(block)) {
        ++block;
    }
    if (model.experts == 0 || block == model.blocks) {
        return ExpertStorage::separate;
    }
    const std::string start = fmt::format("{}{}.", prefix, block);
    std::unordered_map<std::string_view, const TensorInfo*> stored;
    for (const TensorInfo& tensor : catalogue.tensors) {
        if (tensor.name.starts_with(start)) {
            stored.emplace(std::string_view(tensor.name).substr(start.size()), &tensor);
        }
    }
    ExpertStorage best = ExpertStorage::separate;
    int most = 0;
    for (const ExpertStorage storage :
         {ExpertStorage::separate, ExpertStorage::fused, ExpertStorage::fused_transposed}) {
        model.expert_storage = storage;
        int agreeing = 0;
        for (const TensorSpec& spec : family.describe_block(model, block).tensors) {
            const auto found = stored.find(spec.name);
            const bool has_name = found != stored.end();
            agreeing += (has_name ? 1 : 0) + (has_name && found->second->shape == spec.shape);
        }
        best = agreeing > most ? storage : best;
        most = std::max(most, agreeing);
    }
    return best;
}

/// In the order of definition, but where experts share tensors, all of an expert's together.
std::vector<LinearLayer> expert_by_expert(std::vector<LinearLayer> layers) {
    const auto of_experts = [](const LinearLayer& layer) { return layer.expert >= 0; };
    const auto begin = std::ranges::find_if(layers, of_experts);
    const auto end = std::find_if_not(begin, layers.end(), of_experts);
    std::stable_sort(begin, end, [](const LinearLayer& one, const LinearLayer& other) {
        return one.expert < other.expert;
    });
    return layers;
}

/// Finds the matrices of a family's blocks, collecting what cannot be taken.
class FamilyMatrixFinder {
  public:
    FamilyMatrixFinder(Catalogue& catalogue, Fused fused) : catalogue_(catalogue), fused_(fused) {
        for (std::size_t i = 0; i < catalogue.tensors.size(); ++i) {
            number_of_.emplace(catalogue.tensors[i].name, static_cast<int>(i));
        }
    }

    void add_block(const BlockDescription& description, std::string_view prefix,
                   std::int64_t block) {
        std::set<int> unusable;  // tensors, whose slices are told of once
        LinearLayer before;
        for (const LinearLayer& layer : expert_by_expert(description.layers)) {
            const bool again = fused_ == Fused::whole && layer.weight == before.weight &&
                               layer.expert == before.expert;
            if (!layer.prunable || unusable.contains(layer.weight) || again) {
                continue;
            }
            before = layer;
            const TensorSpec& spec = description.tensors[static_cast<std::size_t>(layer.weight)];
            if (!add_layer(layer, spec, fmt::format("{}{}.{}", prefix, block, spec.name), block)) {
                unusable.insert(layer.weight);
            }
        }
    }

    void report(std::string_view family, support::FaultList& faults) const {
        const std::string where = catalogue_.folder.string();
        if (!missing_.empty()) {
            faults.add(kMissingWeights(where, family, list_names(missing_)));
        }
        if (!misshapen_.empty()) {
            faults.add(kNoMatrices(where, list_names(misshapen_)));
        }
        if (!misshapen_slices_.empty()) {
            faults.add(kMisshapenSlices(where, list_names(misshapen_slices_)));
        }
    }

  private:
    /// @return whether it could be taken
    bool add_layer(const LinearLayer& layer, const TensorSpec& spec, const std::string& name,
                   std::int64_t block) {
        const auto found = number_of_.find(name);
        if (found == number_of_.end()) {
            missing_.push_back(name);
            return false;
        }
        const TensorInfo& tensor = catalogue_.tensors[static_cast<std::size_t>(found->second)];
        const bool whole = layer.slice.empty();
        if (whole ? !is_matrix(tensor) : tensor.shape != spec.shape) {
            (whole ? misshapen_ : misshapen_slices_)
                .push_back(fmt::format("{} [{}]", name, fmt::join(tensor.shape, ", ")));
            return false;
        }
        const bool as_stored = whole || fused_ == Fused::whole;
        MatrixInfo matrix{found->second, static_cast<int>(block)};
        matrix.expert = layer.expert;
        if (as_stored) {
            matrix.rows = *(tensor.shape.end() - 2);
            matrix.cols = tensor.shape.back();
            matrix.slice_name = layer.expert < 0 ? "" : fmt::format("{}[{}]", name, layer.expert);
        } else {
            matrix.rows = layer.transposed ? layer.cols : layer.rows;
            matrix.cols = layer.transposed ? layer.rows : layer.cols;
            matrix.pattern = layer.pattern;
            matrix.slice_name = fmt::format("{}[{}]", name, layer.slice);
        }
        matrix.transposed = layer.transposed;
        add_matrix(catalogue_, std::move(matrix));
        return true;
    }

    Catalogue& catalogue_;
    Fused fused_;
    std::unordered_map<std::string, int> number_of_;
    std::vector<std::string> missing_;
    std::vector<std::string> misshapen_;
    std::vector<std::string> misshapen_slices_;
};

}  // namespace

bool is_matrix(const TensorInfo& tensor) {
    return tensor.shape.size() == 2 && tensor.shape[0] > 0 && tensor.shape[1] > 0;
}

MatrixInfo whole_matrix(const Catalogue& catalogue, int tensor, std::int64_t block) {
    const TensorInfo& info = catalogue.tensors[static_cast<std::size_t>(tensor)];
    return {tensor, static_cast<int>(block), info.shape[0], info.shape[1]};
}

void add_matrix(Catalogue& catalogue, MatrixInfo matrix) {
    int& first = catalogue.tensors[static_cast<std::size_t>(matrix.tensor)].matrix;
    first = first < 0 ? static_cast<int>(catalogue.matrices.size()) : first;
    catalogue.matrices.push_back(std::move(matrix));
}

void forget_matrices(Catalogue& catalogue) {
    catalogue.matrices.clear();
    for (TensorInfo& tensor : catalogue.tensors) {
        tensor.matrix = -1;
    }
}

void find_family_matrices(const Family& family, Catalogue& catalogue, support::FaultList& faults,
                          Fused fused) {
    catalogue.base_prefix = base_in_use(family, catalogue);
    const std::string prefix = fmt::format("{}{}", catalogue.base_prefix, stack_of(family));
    catalogue.configuration.expert_storage = storage_of_experts(family, prefix, catalogue);
    if (!check_blocks(family, blocks_under(prefix, catalogue), catalogue, faults)) {
        return;
    }
    catalogue.decoder = {prefix, catalogue.configuration.blocks};
    FamilyMatrixFinder finder(catalogue, fused);
    for (std::int64_t block = 0; block < catalogue.configuration.blocks; ++block) {
        finder.add_block(family.describe_block(catalogue.configuration, block), prefix, block);
    }
    finder.report(family.name, faults);
}

std::optional<ChosenBlocks> find_generic_matrices(Catalogue& catalogue, const MatrixChoice& choice,
                                                  support::FaultList& faults) {
    std::optional<ChosenBlocks> chosen = choose_blocks(catalogue, choice, faults);
    if (!chosen) {
        return chosen;
    }
    catalogue.decoder = chosen->blocks;
    std::vector<std::pair<std::int64_t, int>> found;
    for (const auto& [index, block, role] : chosen->tensors) {
        if (role == Role::linear && is_matrix(catalogue.tensors[static_cast<std::size_t>(index)])) {
            found.emplace_back(block, index);
        }
    }
    // Block by block; within a block the order of the files stays.
    std::ranges::sort(found);
    for (const auto& [block, tensor] : found) {
        add_matrix(catalogue, whole_matrix(catalogue, tensor, block));
    }
    return chosen;
}

void find_matrices(Catalogue& catalogue, support::FaultList& faults) {
    if (const Family* family = family_of(catalogue.configuration)) {
        catalogue.family = family->name;
        find_family_matrices(*family, catalogue, faults);
        return;
    }
    catalogue.family = "generic";
    support::FaultList unimportant;  // a model of an unknown kind need not be one to be pruned
    find_generic_matrices(catalogue, {}, unimportant);
    find_orientation(catalogue);
}

}  // namespace alphaprune::model
