#include "synthetic/tensor_list.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

#include "alphaprune/model/family.hpp"
#include "alphaprune/support/message.hpp"

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

}  // namespace

std::vector<TensorInfo> list_tensors(const ModelConfiguration& model, const formats::Json& config,
                                     const std::string& where, support::FaultList& faults) {
    const support::ScalarType type = stored_type(config, where, faults);
    const Family* const family = family_of(model.model_type);
    if (family == nullptr) {
        faults.add(kUnknownTensors(where, model.model_type, family_names()));
        return {};
    }
    std::vector<TensorInfo> tensors;
    const auto add = [&](const std::string& prefix, const TensorSpec& spec) {
        tensors.push_back({prefix + spec.name, type, spec.shape, 0, 0, -1});
    };
    const FrameDescription frame = family->describe_frame(model);
    const auto count = static_cast<int>(frame.tensors.size());
    const auto add_frame = [&](int begin, int end) {
        for (int i = begin; i < end; ++i) {
            if (i != frame.head || !model.tied_embeddings) {
                add("", frame.tensors[static_cast<std::size_t>(i)]);
            }
        }
    };
    add_frame(0, frame.before_blocks);
    for (std::int64_t block = 0; block < model.blocks; ++block) {
        const std::string prefix = fmt::format("{}{}.", family->block_prefix, block);
        for (const TensorSpec& spec : family->describe_block(model, block).tensors) {
            add(prefix, spec);
        }
    }
    add_frame(frame.before_blocks, count);
    return tensors;
}

}  // namespace alphaprune::model
