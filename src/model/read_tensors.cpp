#include "read_tensors.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "alphaprune/formats/safetensors.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/system_error.hpp"
#include "model_file.hpp"
#include "name_list.hpp"
#include "weight_files.hpp"

namespace alphaprune::model {
namespace {

/// The tensors of one shard, at the end of the catalogue.
void read_shard(Catalogue& catalogue, int shard, support::FaultList& faults) {
    const std::string& name = catalogue.shards[static_cast<std::size_t>(shard)];
    const auto path = catalogue.folder / name;
    try {
        if (!std::filesystem::exists(support::link_status_of(path))) {
            faults.add("a shard that the index names is not there", path.string(),
                       "fetch the missing file from where the model came from");
            return;
        }
        require_model_file(catalogue.folder, name);
        catalogue.stamps.push_back(support::File::open_for_reading(path).stamp());
        formats::SafetensorsHeader header = formats::read_safetensors_header(path);
        for (formats::SafetensorsEntry& entry : header.tensors) {
            catalogue.tensors.push_back({std::move(entry.name), entry.type, std::move(entry.shape),
                                         shard, entry.begin, -1, entry.end - entry.begin});
        }
    } catch (const support::Error& error) {
        faults.add(error);
    }
}

/// Leaves of each tensor the last. @return the others
std::vector<TensorInfo> take_out_copies(std::vector<TensorInfo>& tensors) {
    std::unordered_map<std::string, int> last_shard;
    for (const TensorInfo& tensor : tensors) {
        last_shard[tensor.name] = tensor.shard;
    }
    if (last_shard.size() == tensors.size()) {
        return {};
    }
    std::vector<TensorInfo> kept;
    std::vector<TensorInfo> copies;
    for (TensorInfo& tensor : tensors) {
        const bool is_last = tensor.shard == last_shard.at(tensor.name);
        (is_last ? kept : copies).push_back(std::move(tensor));
    }
    tensors = std::move(kept);
    return copies;
}

std::uint64_t bytes_of(const std::vector<TensorInfo>& tensors) {
    std::uint64_t bytes = 0;
    for (const TensorInfo& tensor : tensors) {
        bytes += tensor.bytes();
    }
    return bytes;
}

void compare_sizes(const Catalogue& catalogue, const WeightIndex& index,
                   const IndexFindings& findings, std::vector<std::string>& warnings) {
    if (!index.has_metadata) {
        warnings.emplace_back(
            "the index of the shards has no metadata, without which transformers "
            "does not read it; what is written here has an index of its own");
    }
    const std::uint64_t bytes = bytes_of(catalogue.tensors);
    const std::uint64_t with_copies = bytes + bytes_of(findings.copies);
    if (index.total_size && *index.total_size != bytes && *index.total_size != with_copies) {
        warnings.push_back(
            fmt::format("the index says that the tensors have {} bytes (total_size), "
                        "but they have {}",
                        *index.total_size, bytes));
    }
}

void compare_names(const Catalogue& catalogue, const WeightIndex& index, IndexFindings& findings,
                   std::vector<std::string>& warnings) {
    std::unordered_set<std::string_view> stored;
    for (const TensorInfo& tensor : catalogue.tensors) {
        stored.insert(tensor.name);
    }
    std::unordered_set<std::string_view> promised;
    for (const auto& [tensor, shard] : index.map) {
        promised.insert(tensor);
        if (!stored.contains(tensor)) {
            findings.absent.push_back({tensor, shard});
        }
    }
    std::vector<std::string> unlisted;
    for (const TensorInfo& tensor : catalogue.tensors) {
        if (!promised.contains(tensor.name)) {
            unlisted.push_back(tensor.name);
        }
    }
    if (!unlisted.empty()) {
        warnings.push_back(
            fmt::format("tensors in the shards are not in the index; they belong to "
                        "the model all the same: {}",
                        list_names(unlisted)));
    }
}

}  // namespace

IndexFindings read_tensors(Catalogue& catalogue, support::FaultList& faults) {
    const WeightFiles files = find_weight_files(catalogue.folder, faults, catalogue.warnings);
    catalogue.shards = files.shards;
    for (std::size_t i = 0; i < files.shards.size(); ++i) {
        read_shard(catalogue, static_cast<int>(i), faults);
    }
    IndexFindings findings{{}, take_out_copies(catalogue.tensors)};
    // Where a shard could not be read, what it has is not known.
    if (files.index && faults.empty()) {
        compare_sizes(catalogue, *files.index, findings, catalogue.warnings);
        compare_names(catalogue, *files.index, findings, catalogue.warnings);
    }
    return findings;
}

}  // namespace alphaprune::model
