#include "export_folder.hpp"

#include <fmt/format.h>

#include <system_error>

#include "alphaprune/model/companions.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"

namespace alphaprune {
namespace fs = std::filesystem;

fs::path without_last_slash(const fs::path& folder) {
    return folder.has_filename() ? folder : folder.parent_path();
}

void require_free(const fs::path& folder) {
    std::error_code problem;
    const auto status = fs::symlink_status(folder, problem);
    if (!fs::exists(status)) {
        return;
    }
    if (!fs::is_directory(status)) {
        throw bad_request("the folder to write exists already, and is no folder", folder.string(),
                          "remove it, or choose another place");
    }
    if (!fs::is_empty(folder, problem) || problem) {
        throw bad_request("the folder to write exists already, with files in it", folder.string(),
                          "remove it, or choose another place");
    }
}

void make_empty(const fs::path& partial) {
    std::error_code problem;
    fs::remove_all(partial, problem);
    if (!problem) {
        fs::create_directory(partial, problem);
    }
    if (problem) {
        throw failure(fmt::format("cannot make the folder: {}", problem.message()),
                      partial.string(),
                      "check that the folder it lies in exists and may be written to");
    }
}

void write_small_files(const fs::path& folder, const Catalogue& catalogue, const ShardPlan& plan) {
    if (plan.shards.size() > 1) {
        write_text_atomically(folder / "model.safetensors.index.json",
                              safetensors_index(plan, catalogue.tensors));
    }
    for (const Companion& companion : read_companions(catalogue)) {
        write_text_atomically(folder / companion.name, companion.contents);
    }
    write_text_atomically(folder / "config.json", catalogue.configuration_text);
}

}  // namespace alphaprune
