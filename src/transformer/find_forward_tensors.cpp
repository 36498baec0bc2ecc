#include "find_forward_tensors.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>
#include <utility>

#include "alphaprune/model/matrix_slices.hpp"
#include "alphaprune/model/name_list.hpp"
#include "alphaprune/model/weight_check.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::transformer {
namespace {

const support::BadRequest<std::string> kMissingTensors{
    "transformer.missing-tensors", "the forward pass needs tensors that are missing: {}",
    "not all files of the model were fetched, or config.json is that of another model",
    "fetch the model's files again; all shards and config.json belong together"};
const support::BadRequest<std::string> kMisshapenTensors{
    "transformer.misshapen-tensors",
    "tensors do not have the shape that follows from config.json: {}",
    "config.json and the weights belong to different models",
    "check that config.json and the weights belong to the same model"};
const support::BadRequest<std::string> kNoHead{
    "transformer.no-head", "the model has no head: {} is missing, and tie_word_embeddings is false",
    "the checkpoint was saved without its head, or config.json does not tie it to the embedding",
    "fetch the model's files again, or set tie_word_embeddings to true in config.json if the "
    "embedding is the head; pruning without perplexities needs none"};

/// The matrix that a layer is, or is a part of; −1 where it stays dense.
int matrix_of(const model::Catalogue& catalogue, int tensor, const model::LinearLayer& layer) {
    for (const int index : model::matrices_of(catalogue, tensor)) {
        const model::MatrixInfo& matrix = catalogue.matrices[static_cast<std::size_t>(index)];
        const model::StoredShape stored = model::stored_shape_of(catalogue.tensor_of(matrix));
        const bool is_all = matrix.outputs() == (matrix.transposed ? stored.cols : stored.rows);
        const bool is_layer = matrix.pattern == layer.pattern && matrix.outputs() == layer.rows;
        if (matrix.expert == layer.expert && (is_all || is_layer)) {
            return index;
        }
    }
    return -1;
}

BlockPlan find_block(TensorFinder& finder, const model::Catalogue& catalogue,
                     const model::Family& family, std::int64_t block) {
    BlockPlan plan{family.describe_block(catalogue.configuration, block), {}, {}, {}};
    plan.sites = site_places(plan.description);
    plan.layouts = layouts_of(plan.description);
    for (const model::TensorSpec& spec : plan.description.tensors) {
        plan.tensors.push_back(
            finder.find(fmt::format("{}{}.{}", family.block_prefix, block, spec.name), spec.shape));
    }
    for (const model::LinearLayer& layer : plan.description.layers) {
        const int tensor = plan.tensors[static_cast<std::size_t>(layer.weight)];
        plan.matrices.push_back(matrix_of(catalogue, tensor, layer));
    }
    return plan;
}

void find_in_frame(TensorFinder& finder, ForwardPlan& plan, int described) {
    if (described >= 0) {
        const auto index = static_cast<std::size_t>(described);
        const model::TensorSpec& spec = plan.frame.tensors[index];
        plan.frame_tensors[index] = finder.find(spec.name, spec.shape);
    }
}

const model::TensorSpec& described(const ForwardPlan& plan, int index) {
    return plan.frame.tensors[static_cast<std::size_t>(index)];
}

bool looks_like_parameter(const model::TensorInfo& tensor) {
    const std::string_view name = tensor.name;
    return tensor.type.scalar() &&
           (name.ends_with(".weight") || (name.ends_with(".bias") && tensor.shape.size() == 1));
}

}  // namespace

TensorFinder::TensorFinder(const model::Catalogue& catalogue)
    : catalogue_(catalogue), used_(catalogue.tensors.size()) {
    for (std::size_t t = 0; t < catalogue.tensors.size(); ++t) {
        number_of_.emplace(catalogue.tensors[t].name, static_cast<int>(t));
    }
}

int TensorFinder::index_of(const std::string& name) const {
    for (const std::string& stored : catalogue_.stored_names(name)) {
        if (const auto found = number_of_.find(stored); found != number_of_.end()) {
            return found->second;
        }
    }
    return -1;
}

int TensorFinder::find(const std::string& name, const std::vector<std::int64_t>& shape) {
    const int index = index_of(name);
    if (index < 0) {
        missing_.push_back(name);
        return -1;
    }
    const model::TensorInfo& tensor = catalogue_.tensors[static_cast<std::size_t>(index)];
    if (tensor.shape != shape) {
        misshapen_.push_back(fmt::format("{} is [{}] instead of [{}]", tensor.name,
                                         fmt::join(tensor.shape, ", "), fmt::join(shape, ", ")));
    }
    found_.push_back(index);
    used_[static_cast<std::size_t>(index)] = true;
    return index;
}

void TensorFinder::report(support::FaultList& faults) {
    const std::string where = catalogue_.folder.string();
    if (!missing_.empty()) {
        faults.add(kMissingTensors(where, model::list_names(missing_)));
    }
    if (!misshapen_.empty()) {
        faults.add(kMisshapenTensors(where, model::list_names(misshapen_)));
    }
    try {
        model::require_weight_types(catalogue_, found_, "tensors that the forward pass needs");
    } catch (const support::Error& error) {
        faults.add(error);
    }
    missing_.clear();
    misshapen_.clear();
    found_.clear();
}

ForwardPlan find_forward_parts(TensorFinder& finder, const model::Catalogue& catalogue,
                               const model::Family& family) {
    const model::ModelConfiguration& model = catalogue.configuration;
    ForwardPlan plan;
    plan.catalogue = &catalogue;
    for (std::int64_t block = 0; block < model.blocks; ++block) {
        plan.blocks.push_back(find_block(finder, catalogue, family, block));
    }
    plan.frame = family.describe_frame(model);
    plan.frame_tensors.assign(plan.frame.tensors.size(), -1);
    const model::TensorSpec& embedding = described(plan, plan.frame.embedding);
    const model::TensorSpec& head = described(plan, plan.frame.head);
    const bool is_the_head =
        model.tied_embeddings && !finder.has(embedding.name) && finder.has(head.name);
    plan.embedding = finder.find(is_the_head ? head.name : embedding.name, embedding.shape);
    find_in_frame(finder, plan, plan.frame.position_table);
    find_in_frame(finder, plan, plan.frame.project_in);
    return plan;
}

void find_head(TensorFinder& finder, ForwardPlan& plan) {
    find_in_frame(finder, plan, plan.frame.project_out);
    if (plan.frame.final_norm) {
        find_in_frame(finder, plan, plan.frame.final_norm->weight);
        find_in_frame(finder, plan, plan.frame.final_norm->bias);
    }
    const model::TensorSpec& embedding = described(plan, plan.frame.embedding);
    const model::TensorSpec& head = described(plan, plan.frame.head);
    if (finder.has(head.name)) {
        plan.vocabulary = finder.find(head.name, head.shape);
    } else if (plan.configuration().tied_embeddings) {
        plan.vocabulary = finder.find(embedding.name, head.shape);
    } else {
        plan.head_faults.add(kNoHead(plan.catalogue->folder.string(), head.name));
    }
    finder.report(plan.head_faults);
}

/// Of a known family, what is missing or misshapen is a matter for those who run the forward pass.
std::vector<int> forward_tensors(const model::Catalogue& catalogue) {
    std::vector<bool> used(catalogue.tensors.size());
    if (const auto* family = model::family_of(catalogue.configuration)) {
        TensorFinder finder(catalogue);
        ForwardPlan plan = find_forward_parts(finder, catalogue, *family);
        find_head(finder, plan);
        used = finder.used();
    } else {
        for (std::size_t t = 0; t < used.size(); ++t) {
            used[t] = looks_like_parameter(catalogue.tensors[t]);
        }
    }
    std::vector<int> tensors;
    for (std::size_t t = 0; t < used.size(); ++t) {
        if (used[t]) {
            tensors.push_back(static_cast<int>(t));
        }
    }
    return tensors;
}

std::vector<int> unpruned_forward_tensors(const model::Catalogue& catalogue) {
    std::vector<int> tensors = forward_tensors(catalogue);
    std::erase_if(
        tensors, [&](int t) { return catalogue.tensors[static_cast<std::size_t>(t)].matrix >= 0; });
    return tensors;
}

}  // namespace alphaprune::transformer
