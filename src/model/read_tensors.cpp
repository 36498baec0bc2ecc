#include "read_tensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "alphaprune/formats/safetensors.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/system_error.hpp"
#include "name_list.hpp"
#include "weight_files.hpp"

namespace alphaprune {
namespace {

const std::string kFetchAgain = "fetch the shards and the index again: they belong to each other";

/// The tensors of one shard, at the end of the catalogue. False when its header cannot be used.
bool read_shard(Catalogue& catalogue, int shard, FaultList& faults) {
    const auto path = catalogue.folder / catalogue.shards[static_cast<std::size_t>(shard)];
    try {
        if (!std::filesystem::exists(status_of(path))) {
            faults.add("a shard that the index names is not there", path.string(),
                       "fetch the missing file from where the model came from");
            return false;
        }
        catalogue.stamps.push_back(File::open_for_reading(path).stamp());
        SafetensorsHeader header = read_safetensors_header(path);
        for (SafetensorsEntry& entry : header.tensors) {
            catalogue.tensors.push_back({std::move(entry.name), entry.type, std::move(entry.shape),
                                         shard, entry.begin, -1, entry.end - entry.begin});
        }
    } catch (const Error& error) {
        faults.add(error);
        return false;
    }
    return true;
}

/// Names by the shard they are a fault of.
using NamesByShard = std::map<int, std::vector<std::string>>;

void add_faults(const Catalogue& catalogue, const NamesByShard& names, std::string_view what,
                FaultList& faults) {
    for (const auto& [shard, tensors] : names) {
        const auto path = catalogue.folder / catalogue.shards[static_cast<std::size_t>(shard)];
        faults.add(fmt::format("{}: {}", what, list_names(tensors)), path.string(), kFetchAgain);
    }
}

/// The shards each tensor was found in.
using ShardsOfTensors = std::unordered_map<std::string_view, std::vector<int>>;

ShardsOfTensors shards_of_tensors(const Catalogue& catalogue) {
    ShardsOfTensors shards;
    for (const TensorInfo& tensor : catalogue.tensors) {
        shards[tensor.name].push_back(tensor.shard);
    }
    return shards;
}

void add_repeated(const Catalogue& catalogue, const ShardsOfTensors& found, FaultList& faults) {
    NamesByShard repeated;
    for (const TensorInfo& tensor : catalogue.tensors) {
        const int first = found.at(tensor.name).front();
        if (first != tensor.shard) {
            repeated[tensor.shard].push_back(fmt::format(
                "{} (also in {})", tensor.name, catalogue.shards[static_cast<std::size_t>(first)]));
        }
    }
    add_faults(catalogue, repeated, "tensors of this shard are in another one, too", faults);
}

void compare_with_index(const Catalogue& catalogue, const WeightFiles& files,
                        const std::vector<bool>& usable, FaultList& faults) {
    const ShardsOfTensors found = shards_of_tensors(catalogue);
    add_repeated(catalogue, found, faults);
    std::unordered_map<std::string, int> number_of;
    for (std::size_t i = 0; i < files.shards.size(); ++i) {
        number_of.emplace(files.shards[i], static_cast<int>(i));
    }
    std::unordered_set<std::string_view> promised;
    NamesByShard absent;
    for (const auto& [tensor, shard] : *files.index) {
        const int number = number_of.at(shard);
        promised.insert(tensor);
        const auto places = found.find(tensor);
        const bool there = places != found.end() && std::ranges::count(places->second, number) > 0;
        if (!there && usable[static_cast<std::size_t>(number)]) {
            absent[number].push_back(tensor);
        }
    }
    NamesByShard unlisted;
    for (const TensorInfo& tensor : catalogue.tensors) {
        if (!promised.contains(tensor.name)) {
            unlisted[tensor.shard].push_back(tensor.name);
        }
    }
    add_faults(catalogue, absent, "tensors that the index puts here are not in the shard", faults);
    add_faults(catalogue, unlisted, "tensors of this shard are missing from the index", faults);
}

}  // namespace

void read_tensors(Catalogue& catalogue, FaultList& faults) {
    const WeightFiles files = find_weight_files(catalogue.folder, faults);
    catalogue.shards = files.shards;
    std::vector<bool> usable;
    for (std::size_t i = 0; i < files.shards.size(); ++i) {
        usable.push_back(read_shard(catalogue, static_cast<int>(i), faults));
    }
    if (files.index) {
        compare_with_index(catalogue, files, usable, faults);
    }
}

}  // namespace alphaprune
