#include "weight_files.hpp"

#include <fmt/format.h>

#include <array>
#include <set>
#include <string_view>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/system_error.hpp"

namespace alphaprune {
namespace {

constexpr std::string_view kSingleFile = "model.safetensors";
constexpr std::string_view kIndexFile = "model.safetensors.index.json";

/// Weights in a form that the program does not read: running pickled code is not its business.
constexpr std::array<std::string_view, 3> kPickledFiles{
    "pytorch_model.bin", "pytorch_model.bin.index.json", "consolidated.00.pth"};

bool is_file(const std::filesystem::path& path) {
    return std::filesystem::is_regular_file(status_of(path));
}

void add_no_weights(const std::filesystem::path& folder, FaultList& faults) {
    for (const std::string_view pickled : kPickledFiles) {
        if (is_file(folder / pickled)) {
            faults.add(
                fmt::format("the weights are pickled ({}); only safetensors are read", pickled),
                folder.string(),
                fmt::format("convert them once, in Python: AutoModelForCausalLM"
                            ".from_pretrained(\"{}\", torch_dtype=\"auto\")"
                            ".save_pretrained(NEW_FOLDER, safe_serialization=True)",
                            folder.string()));
            return;
        }
    }
    faults.add(fmt::format("there is neither {} nor {}", kSingleFile, kIndexFile), folder.string(),
               "name the folder that holds config.json and the weights as safetensors");
}

/// A shard lies in the folder itself: an index must not lead anywhere else.
bool stays_inside(std::string_view name) {
    return !name.empty() && name != "." && name != ".." &&
           name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

void read_index(const Json& index, WeightFiles& files, FaultList& faults) {
    const std::string where = files.index_path.string();
    const std::string remedy = "fetch the index again from where the model came from";
    const Json* map = index.find("weight_map");
    if (map == nullptr || !map->is_object()) {
        faults.add("the index has no weight_map object", where, remedy);
        return;
    }
    std::set<std::string> names;
    files.index.emplace();
    for (const auto& [tensor, value] : map->members()) {
        const auto shard = value.as_string();
        if (!shard) {
            faults.add(fmt::format("the index gives no file name for tensor {}", tensor), where,
                       remedy);
        } else if (!stays_inside(*shard)) {
            faults.add(fmt::format("the index puts tensor {} outside the model folder, in \"{}\"",
                                   tensor, *shard),
                       where, "put all shards into the model folder and name them without a path");
        } else {
            names.insert(*shard);
            files.index->emplace_back(tensor, *shard);
        }
    }
    files.shards.assign(names.begin(), names.end());
}

}  // namespace

WeightFiles find_weight_files(const std::filesystem::path& folder, FaultList& faults) {
    WeightFiles files;
    try {
        if (is_file(folder / kSingleFile)) {
            files.shards = {std::string(kSingleFile)};
            return files;
        }
        files.index_path = folder / kIndexFile;
        if (!is_file(files.index_path)) {
            add_no_weights(folder, faults);
            return files;
        }
        const std::string text = read_text(files.index_path);
        read_index(Json::parse(text, files.index_path.string()), files, faults);
    } catch (const Error& error) {
        faults.add(error);
    }
    return files;
}

}  // namespace alphaprune
