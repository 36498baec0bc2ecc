#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "alphaprune/formats/bitmask.hpp"
#include "alphaprune/formats/json.hpp"
#include "alphaprune/formats/safetensors.hpp"
#include "alphaprune/model/name_list.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/file_system.hpp"
#include "alphaprune/support/message.hpp"
#include "folder_reading.hpp"

namespace alphaprune::model {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kSingleFile = "model.safetensors";
constexpr std::string_view kIndexFile = "model.safetensors.index.json";

const support::BadRequest<> kNoWeightMap{
    "model.no-weight-map", "the index has no weight_map object",
    "the file was written by hand, or is not an index of shards",
    "fetch the index again from where the model came from"};

const support::BadRequest<std::string> kNoShardName{
    "model.no-shard-name", "the index gives no file name for tensor {}",
    "the index was edited by hand or damaged",
    "fetch the index again from where the model came from"};

const support::BadRequest<std::string, std::string, std::string> kShardOutside{
    "model.shard-outside", "the index puts tensor {} outside the model folder, in \"{}\"",
    "the index was made by hand, or with malicious intent",
    "put all shards into {2} or its subfolders, and change their names in the index"};

const support::BadRequest<> kShardMissing{
    "model.shard-missing", "a shard that the index names is missing",
    "the download was interrupted", "fetch the missing file from where the model came from"};

const support::Warning<std::string_view, std::string> kFilesNotRead{
    "model.files-not-read", "weight files in the model folder are not read, because {}: {}",
    "the folder holds more weight files than belong to the model; transformers ignores them, too",
    "remove them, or fetch the index that names them"};

const support::Warning<> kNoMetadata{
    "model.no-metadata",
    "the index of the shards has no metadata, without which transformers does not read it; what is "
    "written here has an index of its own",
    "the index was written by hand or by another tool",
    "none is needed for the result; fetch the index again to repair the model itself"};

const support::Warning<std::uint64_t, std::uint64_t> kWrongTotal{
    "model.wrong-total-size",
    "the index says that the tensors have {} bytes (total_size), but they have {}",
    "the index belongs to another version of the shards, or was edited by hand",
    "compare the shards with where the model came from"};

const support::Warning<std::string> kNotInIndex{
    "model.not-in-index",
    "tensors in the shards are not in the index; they belong to the model all the same: {}",
    "the index was made by hand, or for another version",
    "compare the index with where the model came from"};

/// model.safetensors.index.json.
struct ShardIndex {
    /// Tensor and the shard it is in.
    std::vector<std::pair<std::string, std::string>> map;
    bool has_metadata = false;
    std::optional<std::uint64_t> total_size;  ///< bytes of all tensors
};

void read_metadata(const formats::Json& document, ShardIndex& index) {
    const formats::Json* metadata = document.find("metadata");
    index.has_metadata = metadata != nullptr && metadata->is_object();
    if (const formats::Json* size = index.has_metadata ? metadata->find("total_size") : nullptr) {
        index.total_size = size->as_unsigned();
        // Some tools have written it as a floating-point number.
        if (const auto real = size->as_number(); real && !index.total_size && *real >= 0) {
            constexpr double kMost = 0x1p63;
            index.total_size = static_cast<std::uint64_t>(std::min(*real, kMost));
        }
    }
}

/// Reads the index, and the names of the shards from it. An index must not lead out of the folder.
ShardIndex read_index(Catalogue& catalogue, support::FaultList& faults) {
    const fs::path path = catalogue.folder / kIndexFile;
    const std::string where = path.string();
    require_model_file(catalogue.folder, kIndexFile);
    const auto document =
        formats::Json::parse(support::read_text(path), where, formats::JsonDialect::python);
    ShardIndex index;
    const formats::Json* map = document.find("weight_map");
    if (map == nullptr || !map->is_object()) {
        faults.add(kNoWeightMap(where));
        return index;
    }
    read_metadata(document, index);
    std::set<std::string> shards;
    for (const auto& [tensor, value] : map->members()) {
        const auto shard = value.as_string();
        if (!shard) {
            faults.add(kNoShardName(where, tensor));
        } else if (!is_inner_name(*shard)) {
            faults.add(kShardOutside(where, tensor, *shard, catalogue.folder.string()));
        } else {
            shards.insert(*shard);
            index.map.emplace_back(tensor, *shard);
        }
    }
    catalogue.shards.assign(shards.begin(), shards.end());
    return index;
}

/// The files named like shards that transformers does not read either.
void warn_of_unread(Catalogue& catalogue, bool has_index) {
    std::vector<std::string> unread;
    std::error_code gone;
    for (fs::directory_iterator at(catalogue.folder, gone), end; !gone && at != end;
         at.increment(gone)) {
        const std::string name = at->path().filename().string();
        if (name.starts_with("model-") && name.ends_with(".safetensors") &&
            std::ranges::find(catalogue.shards, name) == catalogue.shards.end()) {
            unread.push_back(name);
        }
    }
    if (!unread.empty()) {
        std::ranges::sort(unread);
        catalogue.warnings.push_back(kFilesNotRead(
            has_index ? "the index does not name them" : "there is a model.safetensors",
            list_names(unread)));
    }
}

/// Finds the shards: model.safetensors where it exists, otherwise those of the index, as
/// transformers does. A symbolic link counts even if it dangles.
/// @return  the index; nothing for a model of one file
std::optional<ShardIndex> find_shards(Catalogue& catalogue, support::FaultList& faults) {
    const auto is_file = [&](std::string_view name) {
        return fs::is_regular_file(support::status_of(catalogue.folder / name));
    };
    const auto is_link = [&](std::string_view name) {
        return fs::is_symlink(support::link_status_of(catalogue.folder / name));
    };
    std::optional<ShardIndex> index;
    try {
        if (is_file(kSingleFile) || (is_link(kSingleFile) && !is_file(kIndexFile))) {
            catalogue.shards = {std::string(kSingleFile)};
        } else if (is_file(kIndexFile) || is_link(kIndexFile)) {
            index = read_index(catalogue, faults);
        } else {
            faults.add(no_safetensors(catalogue.folder));
            return std::nullopt;
        }
        warn_of_unread(catalogue, index.has_value());
    } catch (const support::Error& error) {
        faults.add(error);
    }
    return index;
}

/// The tensors of one shard, at the end of the catalogue.
void read_shard(Catalogue& catalogue, int shard, support::FaultList& faults) {
    const std::string& name = catalogue.shards[static_cast<std::size_t>(shard)];
    const auto path = catalogue.folder / name;
    try {
        if (!fs::exists(support::link_status_of(path))) {
            faults.add(kShardMissing(path.string()));
            return;
        }
        require_model_file(catalogue.folder, name);
        catalogue.stamps.push_back(support::File::open_for_reading(path).stamp());
        formats::SafetensorsHeader header = formats::read_safetensors_header(path);
        std::vector<TensorInfo> tensors;
        for (formats::SafetensorsEntry& entry : header.tensors) {
            tensors.push_back({std::move(entry.name), entry.type, std::move(entry.shape), shard,
                               entry.begin, -1, entry.end - entry.begin});
        }
        for (TensorInfo& tensor :
             put_bitmasks_together(header, std::move(tensors), path.string())) {
            catalogue.tensors.push_back(std::move(tensor));
        }
    } catch (const support::Error& error) {
        faults.add(error);
    }
}

/// Keeps the last copy of each tensor. @return the others
std::vector<IndexFindings::Copy> take_out_copies(std::vector<TensorInfo>& tensors) {
    std::unordered_map<std::string, std::size_t> last;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        last[tensors[i].name] = i;
    }
    if (last.size() == tensors.size()) {
        return {};
    }
    std::vector<TensorInfo> kept;
    std::vector<IndexFindings::Copy> copies;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        if (const std::size_t at = last.at(tensors[i].name); at == i) {
            kept.push_back(tensors[i]);
        } else {
            copies.push_back({tensors[i], tensors[at]});
        }
    }
    tensors = std::move(kept);
    return copies;
}

std::uint64_t stored_bytes_of(const TensorInfo& tensor) {
    if (!tensor.bitmask) {
        return tensor.bytes();
    }
    const auto rows = static_cast<std::uint64_t>(tensor.values() / tensor.shape.back());
    const std::uint64_t groups = (rows + formats::kRowsOfOffset - 1) / formats::kRowsOfOffset;
    return rows * formats::mask_row_bytes(tensor.shape.back()) + groups * sizeof(std::int64_t) +
           tensor.bitmask->values * support::size_of(tensor.scalar_type());
}

/// As the file names it, or its parts.
std::vector<std::string> stored_names_of(const TensorInfo& tensor) {
    return tensor.bitmask ? parts_of_bitmask(tensor.name) : std::vector{tensor.name};
}

void compare_sizes(const ShardIndex& index, const std::vector<IndexFindings::Copy>& copies,
                   Catalogue& catalogue) {
    if (!index.has_metadata) {
        catalogue.warnings.push_back(kNoMetadata());
    }
    std::uint64_t bytes = 0;
    for (const TensorInfo& tensor : catalogue.tensors) {
        bytes += stored_bytes_of(tensor);
    }
    std::uint64_t with_copies = bytes;
    for (const IndexFindings::Copy& copy : copies) {
        with_copies += copy.earlier.bytes();
    }
    if (index.total_size && *index.total_size != bytes && *index.total_size != with_copies) {
        catalogue.warnings.push_back(kWrongTotal(*index.total_size, bytes));
    }
}

/// @return  what the index lists and no shard has
std::vector<IndexFindings::Absent> compare_names(const ShardIndex& index, Catalogue& catalogue) {
    std::unordered_set<std::string> stored;
    for (const TensorInfo& tensor : catalogue.tensors) {
        for (std::string& name : stored_names_of(tensor)) {
            stored.insert(std::move(name));
        }
    }
    std::vector<IndexFindings::Absent> absent;
    std::unordered_set<std::string_view> listed;
    for (const auto& [tensor, shard] : index.map) {
        listed.insert(tensor);
        if (!stored.contains(tensor)) {
            absent.push_back({tensor, shard});
        }
    }
    std::vector<std::string> unlisted;
    for (const TensorInfo& tensor : catalogue.tensors) {
        const std::vector<std::string> names = stored_names_of(tensor);
        if (!std::ranges::all_of(names, [&](const auto& name) { return listed.contains(name); })) {
            unlisted.push_back(tensor.name);
        }
    }
    if (!unlisted.empty()) {
        catalogue.warnings.push_back(kNotInIndex(list_names(unlisted)));
    }
    return absent;
}

}  // namespace

IndexFindings read_tensors(Catalogue& catalogue, support::FaultList& faults) {
    const std::optional<ShardIndex> index = find_shards(catalogue, faults);
    for (std::size_t i = 0; i < catalogue.shards.size(); ++i) {
        read_shard(catalogue, static_cast<int>(i), faults);
    }
    IndexFindings findings{{}, take_out_copies(catalogue.tensors)};
    // The tensors of a shard that could not be read are unknown.
    if (index && faults.empty()) {
        compare_sizes(*index, findings.copies, catalogue);
        findings.absent = compare_names(*index, catalogue);
    }
    return findings;
}

}  // namespace alphaprune::model
