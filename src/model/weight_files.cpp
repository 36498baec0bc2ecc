#include "weight_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/other_formats.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/system_error.hpp"
#include "model_file.hpp"
#include "name_list.hpp"

namespace alphaprune::model {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kSingleFile = "model.safetensors";
constexpr std::string_view kIndexFile = "model.safetensors.index.json";
constexpr const char* kFetchIndex = "fetch the index again from where the model came from";

bool is_file(const fs::path& path) {
    return fs::is_regular_file(support::status_of(path));
}

/// A link, perhaps to a file that has not been fetched.
bool is_link(const fs::path& path) {
    return fs::is_symlink(support::link_status_of(path));
}

/// Whether a shard may be read: an index must not lead out of the folder.
bool check_shard(const fs::path& folder, const std::string& tensor, const std::string& shard,
                 const std::string& where, support::FaultList& faults) {
    if (is_inner_name(shard)) {
        return true;
    }
    faults.add(
        fmt::format("the index puts tensor {} outside the model folder, in \"{}\"", tensor, shard),
        where,
        fmt::format("put all shards into {} or folders of it, and name them so", folder.string()));
    return false;
}

void read_metadata(const formats::Json& index, WeightIndex& read) {
    const formats::Json* metadata = index.find("metadata");
    read.has_metadata = metadata != nullptr && metadata->is_object();
    if (const formats::Json* size = read.has_metadata ? metadata->find("total_size") : nullptr) {
        read.total_size = size->as_unsigned();
        // Some tools have written it as a real number.
        if (const auto real = size->as_number(); real && !read.total_size && *real >= 0) {
            constexpr double kMost = 0x1p63;
            read.total_size = static_cast<std::uint64_t>(std::min(*real, kMost));
        }
    }
}

void read_index(const fs::path& folder, const formats::Json& index, WeightFiles& files,
                support::FaultList& faults) {
    WeightIndex& read = files.index.emplace();
    read.path = folder / kIndexFile;
    const std::string where = read.path.string();
    const formats::Json* map = index.find("weight_map");
    if (map == nullptr || !map->is_object()) {
        faults.add("the index has no weight_map object", where, kFetchIndex);
        return;
    }
    read_metadata(index, read);
    std::set<std::string> names;
    for (const auto& [tensor, value] : map->members()) {
        const auto shard = value.as_string();
        if (!shard) {
            faults.add(fmt::format("the index gives no file name for tensor {}", tensor), where,
                       kFetchIndex);
        } else if (check_shard(folder, tensor, *shard, where, faults)) {
            names.insert(*shard);
            read.map.emplace_back(tensor, *shard);
        }
    }
    files.shards.assign(names.begin(), names.end());
}

/// The files called like shards that transformers does not look at either.
void warn_of_unread(const fs::path& folder, const WeightFiles& files,
                    std::vector<std::string>& warnings) {
    std::vector<std::string> unread;
    std::error_code gone;
    for (fs::directory_iterator at(folder, gone), end; !gone && at != end; at.increment(gone)) {
        const std::string name = at->path().filename().string();
        if (name.starts_with("model-") && name.ends_with(".safetensors") &&
            std::ranges::find(files.shards, name) == files.shards.end()) {
            unread.push_back(name);
        }
    }
    if (!unread.empty()) {
        std::ranges::sort(unread);
        warnings.push_back(fmt::format(
            "weight files in the model folder are not read, as {}: {}",
            files.index ? "the index does not name them" : "there is a model.safetensors",
            list_names(unread)));
    }
}

}  // namespace

WeightFiles find_weight_files(const fs::path& folder, support::FaultList& faults,
                              std::vector<std::string>& warnings) {
    WeightFiles files;
    try {
        const fs::path index = folder / kIndexFile;
        if (is_file(folder / kSingleFile) || (is_link(folder / kSingleFile) && !is_file(index))) {
            files.shards = {std::string(kSingleFile)};
            warn_of_unread(folder, files, warnings);
            return files;
        }
        if (!is_file(index) && !is_link(index)) {
            faults.add(no_safetensors(folder));
            return files;
        }
        require_model_file(folder, kIndexFile);
        read_index(folder,
                   formats::Json::parse(support::read_text(index), index.string(),
                                        formats::JsonDialect::python),
                   files, faults);
        warn_of_unread(folder, files, warnings);
    } catch (const support::Error& error) {
        faults.add(error);
    }
    return files;
}

}  // namespace alphaprune::model
