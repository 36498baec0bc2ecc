#include "model_folder.hpp"

#include <system_error>

#include "alphaprune/support/system_error.hpp"

namespace alphaprune::model {

void require_model_folder(const std::filesystem::path& folder) {
    std::error_code reason;
    const auto status = std::filesystem::status(folder, reason);
    if (status.type() == std::filesystem::file_type::not_found) {
        throw support::bad_request(
            "there is no such model folder", folder.string(),
            "name an existing folder that holds config.json and the weights");
    }
    if (!reason && !std::filesystem::is_directory(status)) {
        throw support::bad_request("the model is not a folder", folder.string(),
                                   "name the folder that holds config.json and the weights");
    }
    if (!reason) {
        // Opening it tells whether it may be read.
        const std::filesystem::directory_iterator first(folder, reason);
    }
    if (reason) {
        throw support::path_error("the model folder cannot be read", folder, reason.value(),
                                  "check the permissions of the folder");
    }
}

std::string folder_name(const std::filesystem::path& folder) {
    const auto whole = std::filesystem::absolute(folder).lexically_normal();
    return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

}  // namespace alphaprune::model
