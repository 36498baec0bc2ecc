#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/family.hpp"
#include "alphaprune/model/name_list.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/message.hpp"
#include "find_matrices.hpp"
#include "folder/folder_reading.hpp"

namespace alphaprune::model {
namespace {

const support::BadRequest<std::string> kWeightsNamed{
    "model.weights-named-in-config",
    "config.json names the file of the weights (transformers_weights): {}",
    "transformers would look for that file in the folder written by this program, too",
    "call that file model.safetensors, or its index model.safetensors.index.json, and remove the "
    "member from config.json"};

const support::Warning<std::string> kUnknownTypes{
    "model.unknown-types",
    "tensors have a dtype that this program does not know; their bytes are copied as they are: {}",
    "a type newer than this program, or a header edited by hand",
    "check that the programs that will load the result know the type"};

const support::Warning<std::string> kFloat64{
    "model.float64",
    "weights are stored in float64, which is kept, but computations use float32: what a calibrated "
    "pruner changes, or an N:M pattern keeps, is rounded to float32; it concerns {}",
    "the model was saved in a wider type than models are computed in",
    "none is needed; converted to float32, the model takes half of the space"};

const support::BadRequest<std::string> kTypeNotGenerated{
    "model.type-not-generated", "weights of the type {} (torch_dtype) cannot be generated",
    "config.json asks for a quantized or unusual type", "write float32, float16 or bfloat16"};

const support::BadRequest<std::string, std::string> kUnknownTensors{
    "model.unknown-tensors", "which tensors a model of type '{}' has is not known",
    "--synthetic was asked for with a family that this program does not know by name",
    "synthetic weights are available for the families {1}"};

/// @return  the whole document
formats::Json read_configuration_text(Catalogue& catalogue, const std::string& where) {
    formats::Json config =
        formats::Json::parse(catalogue.configuration_text, where, formats::JsonDialect::python);
    catalogue.configuration = read_configuration(config, where);
    return config;
}

void read_config_file(Catalogue& catalogue, support::FaultList& faults) {
    const auto path = catalogue.folder / "config.json";
    try {
        require_model_file(catalogue.folder, "config.json");
        catalogue.configuration_text = support::read_text(path);
        const formats::Json config = read_configuration_text(catalogue, path.string());
        if (const formats::Json* named = config.find("transformers_weights");
            named != nullptr && !named->is_null()) {
            faults.add(kWeightsNamed(path.string(), named->dump(-1)));
        }
    } catch (const support::Error& error) {
        faults.add(error);
    }
}

/// The writer of such a file may have meant something else, and other programs may not read it.
void warn_of_unknown_types(Catalogue& catalogue) {
    std::vector<std::string> unknown;
    for (const TensorInfo& tensor : catalogue.tensors) {
        if (!tensor.type.bits()) {
            unknown.push_back(fmt::format("{} ({})", tensor.name, tensor.type.name()));
        }
    }
    if (!unknown.empty()) {
        catalogue.warnings.push_back(kUnknownTypes(list_names(unknown)));
    }
}

void warn_of_float64(Catalogue& catalogue) {
    std::vector<std::string> names;
    for (const TensorInfo& tensor : catalogue.tensors) {
        if (tensor.matrix >= 0 && tensor.type == support::ScalarType::float64) {
            names.push_back(tensor.name);
        }
    }
    if (!names.empty()) {
        catalogue.warnings.push_back(kFloat64(list_names(names)));
    }
}

support::FaultList faults_of_matrices(Catalogue& catalogue) {
    support::FaultList faults;
    find_matrices(catalogue, faults);
    return faults;
}

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

/// Everything else of a synthetic model follows from its configuration.
void complete_synthetic(Catalogue& catalogue, const std::string& where) {
    catalogue.origin = WeightOrigin::synthetic;
    const formats::Json config = read_configuration_text(catalogue, where);
    support::FaultList faults;
    if (catalogue.configuration.is_part) {
        faults.add(kUnknownTensors(where, catalogue.configuration.model_type, family_names()));
    }
    catalogue.tensors = list_tensors(catalogue.configuration, config, where, faults);
    faults.throw_if_any();
    faults_of_matrices(catalogue).throw_if_any();
}

}  // namespace

std::vector<TensorInfo> list_tensors(const ModelConfiguration& model, const formats::Json& config,
                                     const std::string& where, support::FaultList& faults) {
    const support::ScalarType type = stored_type(config, where, faults);
    const Family* const family = family_of(model);
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

Catalogue read_catalogue(const std::filesystem::path& folder) {
    require_model_folder(folder);
    support::FaultList faults;
    Catalogue catalogue;
    catalogue.folder = folder;
    catalogue.model_name = folder_name(folder);
    read_config_file(catalogue, faults);
    const IndexFindings findings = read_tensors(catalogue, faults);
    // Without all of these the search for matrices would only add spurious faults.
    faults.throw_if_any();
    const Packing packing = unpack_weights(catalogue, findings, faults);
    const auto without_matrices = faults_of_matrices(catalogue);
    judge_index(findings, catalogue, faults);
    if (packing.understood) {
        unpack_plain_float8(catalogue, packing.unpacked || is_configured_as_quantized(catalogue),
                            faults);
        judge_quantization(catalogue, packing.unpacked, faults);
    }
    faults.throw_if_any();
    without_matrices.throw_if_any();
    warn_of_unknown_types(catalogue);
    warn_of_float64(catalogue);
    return catalogue;
}

Catalogue make_catalogue(const std::filesystem::path& file, std::string model_name,
                         std::string configuration_text, std::vector<TensorInfo> tensors) {
    Catalogue catalogue;
    catalogue.folder = file.parent_path();
    catalogue.origin = WeightOrigin::single_file;
    catalogue.shards = {file.filename().string()};
    catalogue.model_name = std::move(model_name);
    catalogue.configuration_text = std::move(configuration_text);
    catalogue.tensors = std::move(tensors);
    for (TensorInfo& tensor : catalogue.tensors) {
        tensor.shard = 0;
        tensor.matrix = -1;
    }
    read_configuration_text(catalogue, file.string() + ": config.json");
    faults_of_matrices(catalogue).throw_if_any();
    return catalogue;
}

Catalogue synthetic_catalogue(const NamedShape& shape) {
    Catalogue catalogue;
    catalogue.model_name = std::string(shape.name) + "-synthetic";
    catalogue.folder = shape.name;
    catalogue.configuration_text = configuration_text_of(shape);
    catalogue.auxiliary_files.emplace();
    complete_synthetic(catalogue, "the configuration of " + std::string(shape.name));
    return catalogue;
}

Catalogue synthetic_catalogue(const std::filesystem::path& folder, std::string name) {
    require_model_folder(folder);
    const auto file = folder / "config.json";
    Catalogue catalogue;
    catalogue.model_name = (name.empty() ? folder_name(folder) : std::move(name)) + "-synthetic";
    catalogue.folder = folder;
    catalogue.configuration_text = support::read_text(file);
    complete_synthetic(catalogue, file.string());
    return catalogue;
}

}  // namespace alphaprune::model
