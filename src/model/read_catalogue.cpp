#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"
#include "find_matrices.hpp"
#include "model_folder.hpp"
#include "name_list.hpp"
#include "read_tensors.hpp"

namespace alphaprune {
namespace {

void understand_configuration(Catalogue& catalogue, const std::string& where) {
    catalogue.configuration =
        read_configuration(Json::parse(catalogue.configuration_text, where), where);
}

void read_config_file(Catalogue& catalogue, FaultList& faults) {
    const auto path = catalogue.folder / "config.json";
    try {
        catalogue.configuration_text = read_text(path);
        understand_configuration(catalogue, path.string());
    } catch (const Error& error) {
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

}  // namespace

Catalogue read_catalogue(const std::filesystem::path& folder) {
    require_model_folder(folder);
    FaultList faults;
    Catalogue catalogue;
    catalogue.folder = folder;
    catalogue.model_name = folder_name(folder);
    read_config_file(catalogue, faults);
    read_tensors(catalogue, faults);
    // With half of the story the matrices would only add faults that are none.
    faults.throw_if_any();
    find_matrices(catalogue, faults);
    faults.throw_if_any();
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
    FaultList faults;
    find_matrices(catalogue, faults);
    faults.throw_if_any();
    return catalogue;
}

}  // namespace alphaprune
