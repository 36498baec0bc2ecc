#include <system_error>
#include <utility>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"
#include "find_matrices.hpp"
#include "read_tensors.hpp"

namespace alphaprune {
namespace {

void require_folder(const std::filesystem::path& folder) {
    std::error_code reason;
    const auto status = std::filesystem::status(folder, reason);
    if (status.type() == std::filesystem::file_type::not_found) {
        throw bad_request("there is no such model folder", folder.string(),
                          "name an existing folder that holds config.json and the weights");
    }
    if (!reason && !std::filesystem::is_directory(status)) {
        throw bad_request("the model is not a folder", folder.string(),
                          "name the folder that holds config.json and the weights");
    }
    if (!reason) {
        // Opening it tells whether it may be read.
        const std::filesystem::directory_iterator first(folder, reason);
    }
    if (reason) {
        throw bad_request("the model folder cannot be read: " + reason.message(), folder.string(),
                          "check the permissions of the folder");
    }
}

/// Last part of the path as the user gave it, links not followed.
std::string last_part(const std::filesystem::path& folder) {
    const auto whole = std::filesystem::absolute(folder).lexically_normal();
    return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

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

}  // namespace

Catalogue read_catalogue(const std::filesystem::path& folder) {
    require_folder(folder);
    FaultList faults;
    Catalogue catalogue;
    catalogue.folder = folder;
    catalogue.model_name = last_part(folder);
    read_config_file(catalogue, faults);
    read_tensors(catalogue, faults);
    // With half of the story the matrices would only add faults that are none.
    faults.throw_if_any();
    find_matrices(catalogue, faults);
    faults.throw_if_any();
    return catalogue;
}

Catalogue make_catalogue(const std::filesystem::path& file, std::string model_name,
                         std::string configuration_text, std::vector<TensorInfo> tensors) {
    Catalogue catalogue;
    catalogue.folder = file.parent_path();
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
