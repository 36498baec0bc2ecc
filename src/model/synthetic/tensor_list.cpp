#include "synthetic/tensor_list.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

#include "alphaprune/model/family.hpp"
#include "alphaprune/support/message.hpp"
#include "block_parts.hpp"

namespace alphaprune::model {
namespace {

const support::BadRequest<std::string> kTypeNotGenerated{
    "model.type-not-generated", "weights of the type {} (torch_dtype) cannot be generated",
    "config.json asks for a quantized or unusual type", "write float32, float16 or bfloat16"};

const support::BadRequest<std::string, std::string> kUnknownTensors{
    "model.unknown-tensors", "which tensors a model of type '{}' has is not known",
    "--synthetic was asked for with a family that this program does not know by name",
    "synthetic weights are available for the families {1}"};

/// torch_dtype, or dtype as transformers 5 writes it; bfloat16 where neither says anything.
support::ScalarType stored_type(const formats::Json& config, const std::string& where,
                                support::FaultList& faults) {
    constexpr std::array<std::pair<std::string_view, support::ScalarType>, 3> kTypes{
        {{"float32", support::ScalarType::float32},
         {"float16", support::ScalarType::float16},
         {"bfloat16", support::ScalarType::bfloat16}}};
    const formats::Json* value = config.find("torch_dtype");
    value = value != nullptr && !value->is_null() ? value : config.find("dtype");
    if (value == nullptr || value->is_null()) {
        return support::ScalarType::bfloat16;
    }
    const std::string name = value->as_string().value_or(value->dump(-1));
    for (const auto& [known, type] : kTypes) {
        if (name == known) {
            return type;
        }
    }
    faults.add(kTypeNotGenerated(where, name));
    return support::ScalarType::bfloat16;
}

/// Appends tensors to a list.
class TensorLister {
  public:
    TensorLister(const ModelConfiguration& model, support::ScalarType type)
        : model_(model), type_(type) {}

    void add(std::string name, std::vector<std::int64_t> shape) {
        tensors_.push_back({std::move(name), type_, std::move(shape), 0, 0, -1});
    }

    void add_part(const std::string& prefix, const BlockPart& part) {
        const bool is_norm = part.cols == PartSize::none;
        if (is_norm && !model_.norm_affine) {
            return;
        }
        const std::string name = prefix + std::string(part.name);
        const std::int64_t rows = value_of(part.rows);
        add(name + ".weight", is_norm ? std::vector{rows} : std::vector{rows, value_of(part.cols)});
        if (has_bias(part.bias, model_)) {
            add(name + ".bias", {rows});
        }
    }

    void add_blocks() {
        const std::string_view prefix = family_of(model_.model_type)->block_prefix;
        for (std::int64_t block = 0; block < model_.blocks; ++block) {
            for (const BlockPart& part : block_parts_of(model_.model_type)) {
                add_part(fmt::format("{}{}.", prefix, block), part);
            }
        }
    }

    std::vector<TensorInfo> take() { return std::move(tensors_); }

  private:
    std::int64_t value_of(PartSize size) const {
        switch (size) {
            case PartSize::none:
            case PartSize::hidden:
                return model_.hidden_size;
            case PartSize::intermediate:
                return model_.intermediate_size;
            case PartSize::queries:
                return model_.heads * model_.head_size;
            case PartSize::keys:
                break;
        }
        return model_.key_value_heads * model_.head_size;
    }

    const ModelConfiguration& model_;
    support::ScalarType type_;
    std::vector<TensorInfo> tensors_;
};

void list_llama(TensorLister& list, const ModelConfiguration& model) {
    list.add("model.embed_tokens.weight", {model.vocabulary, model.hidden_size});
    list.add_blocks();
    list.add_part("model.", {"norm", PartSize::hidden, PartSize::none, PartBias::never});
}

void list_opt(TensorLister& list, const ModelConfiguration& model) {
    constexpr std::int64_t kUnusedPositions = 2;  // were once meant for padding
    const std::string prefix = "model.decoder.";
    list.add(prefix + "embed_tokens.weight", {model.vocabulary, model.embedding_size});
    list.add(prefix + "embed_positions.weight",
             {model.max_positions + kUnusedPositions, model.hidden_size});
    if (model.embedding_size != model.hidden_size) {
        list.add(prefix + "project_out.weight", {model.embedding_size, model.hidden_size});
        list.add(prefix + "project_in.weight", {model.hidden_size, model.embedding_size});
    }
    if (model.norm_before && !model.final_norm_removed) {
        list.add_part(prefix,
                      {"final_layer_norm", PartSize::hidden, PartSize::none, PartBias::always});
    }
    list.add_blocks();
}

}  // namespace

std::vector<TensorInfo> list_tensors(const ModelConfiguration& model, const formats::Json& config,
                                     const std::string& where, support::FaultList& faults) {
    const support::ScalarType type = stored_type(config, where, faults);
    if (block_parts_of(model.model_type).empty()) {
        std::string known;
        for (const Family& family : families()) {
            known += (known.empty() ? "" : ", ") + std::string(family.name);
        }
        faults.add(kUnknownTensors(where, model.model_type, known));
        return {};
    }
    TensorLister list(model, type);
    model.model_type == "opt" ? list_opt(list, model) : list_llama(list, model);
    if (!model.tied_embeddings) {
        list.add("lm_head.weight", {model.vocabulary, model.embedding_size});
    }
    return list.take();
}

}  // namespace alphaprune::model
