#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"
#include "find_matrices.hpp"
#include "model_file.hpp"
#include "model_folder.hpp"
#include "name_list.hpp"
#include "quantization.hpp"
#include "read_tensors.hpp"

namespace alphaprune::model {
namespace {

/// @return  the whole document
formats::Json understand_configuration(Catalogue& catalogue, const std::string& where) {
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
        const formats::Json config = understand_configuration(catalogue, path.string());
        if (const formats::Json* named = config.find("transformers_weights");
            named != nullptr && !named->is_null()) {
            // It would be looked for in what is written here, too.
            faults.add(fmt::format("config.json names the file of the weights "
                                   "(transformers_weights): {}",
                                   named->dump(-1)),
                       path.string(),
                       "call that file model.safetensors, or its index "
                       "model.safetensors.index.json, and take the member out of config.json");
        }
    } catch (const support::Error& error) {
        faults.add(error);
    }
}

/// Whoever wrote such a file may have meant something else, and other programs may not read it.
void warn_of_unknown_types(Catalogue& catalogue) {
    std::vector<std::string> unknown;
    for (const TensorInfo& tensor : catalogue.tensors) {
        if (!tensor.type.bits()) {
            unknown.push_back(fmt::format("{} ({})", tensor.name, tensor.type.name()));
        }
    }
    if (!unknown.empty()) {
        catalogue.warnings.push_back(
            fmt::format("tensors have a dtype that this program does not know; their bytes are "
                        "carried as they are: {}",
                        list_names(unknown)));
    }
}

support::FaultList faults_of_matrices(Catalogue& catalogue) {
    support::FaultList faults;
    find_matrices(catalogue, faults);
    return faults;
}

}  // namespace

Catalogue read_catalogue(const std::filesystem::path& folder) {
    require_model_folder(folder);
    support::FaultList faults;
    Catalogue catalogue;
    catalogue.folder = folder;
    catalogue.model_name = folder_name(folder);
    read_config_file(catalogue, faults);
    const IndexFindings findings = read_tensors(catalogue, faults);
    // With half of the story the matrices would only add faults that are none.
    faults.throw_if_any();
    const auto without_matrices = faults_of_matrices(catalogue);
    judge_index(findings, catalogue, faults);
    judge_quantization(catalogue, faults);
    faults.throw_if_any();
    without_matrices.throw_if_any();
    warn_of_unknown_types(catalogue);
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
    understand_configuration(catalogue, file.string() + ": config.json");
    support::FaultList faults;
    find_matrices(catalogue, faults);
    faults.throw_if_any();
    return catalogue;
}

}  // namespace alphaprune::model
