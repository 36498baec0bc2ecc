#include "export_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/auxiliary_files.hpp"
#include "alphaprune/support/message.hpp"
#include "partial_output.hpp"

namespace alphaprune::checkpoint {
namespace fs = std::filesystem;
namespace {

constexpr const char* kTakenRemedy = "remove it, or choose another place";

const support::BadRequest<> kNotAFolder{
    "checkpoint.export-not-a-folder", "the folder to write exists already, and is no folder",
    "a file or a link has the name of the folder", kTakenRemedy};

const support::BadRequest<> kNotEmpty{
    "checkpoint.export-not-empty", "the folder to write exists already, with files in it",
    "only an empty folder is written into, so that nothing is lost", kTakenRemedy};

const support::Failure<std::string> kCannotMake{
    "checkpoint.export-folder", "cannot make the folder: {}", "the system refuses it",
    "check that the folder it lies in exists and may be written to"};

constexpr const char* kIndex = "model.safetensors.index.json";
constexpr const char* kConfigurationFile = "config.json";

bool is_shard(const fs::path& name, const ExportShards& plan) {
    return std::ranges::find(plan.shards, name.string(), &ExportShard::file) != plan.shards.end();
}

/// The files beside the shards, by their names inside the folder.
std::set<std::string> small_files(const model::Catalogue& catalogue) {
    std::vector<std::string> names = model::names_of_auxiliary_files(catalogue);
    std::set<std::string> files(names.begin(), names.end());
    files.insert({kIndex, kConfigurationFile});
    return files;
}

/// The entries of the folder. @throws Error when it cannot be listed
std::vector<fs::path> entries_of(const fs::path& folder) {
    std::vector<fs::path> entries;
    std::error_code problem;
    for (fs::directory_iterator at(folder, problem), end; !problem && at != end;
         at.increment(problem)) {
        entries.push_back(at->path());
    }
    if (problem) {
        throw support::path_error("cannot list the folder", folder, problem.value());
    }
    return entries;
}

bool has_file_in(const std::set<std::string>& files, const fs::path& folder) {
    const std::string beginning = folder.string() + "/";
    const auto first = files.lower_bound(beginning);
    return first != files.end() && first->starts_with(beginning);
}

/// Whether this, inside a folder to be taken over, is one of those files, whole or still under its
/// partial name, or a folder of such.
bool is_small_file(const fs::path& folder, const fs::path& name,
                   const std::set<std::string>& files) {
    if (is_plain_file(folder / name)) {
        const fs::path whole = name.parent_path() / name.stem();
        return files.contains(name) ||
               (support::partial_name(whole) == name && files.contains(whole));
    }
    return is_plain_folder(folder / name) && has_file_in(files, name) &&
           std::ranges::all_of(entries_of(folder / name), [&](const fs::path& entry) {
               return is_small_file(folder, name / entry.filename(), files);
           });
}

/// Whether an earlier run has made this folder.
bool is_ours(const fs::path& folder, const model::Catalogue& catalogue, const ExportShards& plan) {
    if (!is_plain_folder(folder)) {
        return false;
    }
    const std::set<std::string> files = small_files(catalogue);
    std::size_t shards = 0;
    for (const fs::path& entry : entries_of(folder)) {
        const bool shard = is_shard(entry.filename(), plan) && is_plain_file(entry);
        if (!shard && !is_small_file(folder, entry.filename(), files)) {
            return false;
        }
        shards += shard ? 1 : 0;
    }
    return shards == plan.shards.size();
}

/// Makes the folders that lie between a folder and a file inside it.
void make_folders_of(const fs::path& folder, const fs::path& name) {
    fs::path inner;
    for (const fs::path& part : name.parent_path()) {
        inner /= part;
        support::make_own_folder(folder / inner);
    }
}

constexpr std::uint64_t kHeaderAlignment = 8;

std::vector<ExportShard> divide(std::span<const model::TensorInfo> tensors,
                                std::uint64_t shard_bytes) {
    std::vector<ExportShard> shards(1);
    for (std::size_t t = 0; t < tensors.size(); ++t) {
        const std::uint64_t bytes = tensors[t].bytes();
        const std::uint64_t before = shards.back().bytes;
        if (before > 0 && bytes > 0 && (before >= shard_bytes || bytes > shard_bytes - before)) {
            shards.emplace_back();
        }
        shards.back().tensors.push_back(static_cast<int>(t));
        shards.back().bytes += bytes;
    }
    return shards;
}

/// A power of two by which a tensor's beginning and its bytes can be divided: the size of a value,
/// or what that is likely to be where it is not known; 1 where a value is no whole bytes.
std::uint64_t alignment_of(const model::TensorInfo& tensor) {
    const auto values = static_cast<std::uint64_t>(tensor.values());
    std::uint64_t bits = 8;
    if (tensor.type.bits()) {
        bits = static_cast<std::uint64_t>(*tensor.type.bits());
    } else if (values > 0 && tensor.bytes() % values == 0) {
        bits = 8 * (tensor.bytes() / values);
    }
    constexpr std::uint64_t kMost = 16;
    std::uint64_t alignment = 1;
    while (alignment < kMost && bits > 0 && bits % (16 * alignment) == 0) {
        alignment *= 2;
    }
    return alignment;
}

std::string file_name(std::size_t shard, std::size_t shards) {
    return shards == 1 ? "model.safetensors"
                       : fmt::format("model-{:05}-of-{:05}.safetensors", shard + 1, shards);
}

formats::Json entry_of(const model::TensorInfo& tensor, std::uint64_t offset) {
    formats::Json::Array shape(tensor.shape.begin(), tensor.shape.end());
    return formats::Json::Object{
        {"dtype", tensor.type.name()},
        {"shape", std::move(shape)},
        {"data_offsets", formats::Json::Array{offset, offset + tensor.bytes()}}};
}

std::string index_text(std::uint64_t total, formats::Json::Object map) {
    return formats::Json(
               formats::Json::Object{{"metadata", formats::Json::Object{{"total_size", total}}},
                                     {"weight_map", std::move(map)}})
               .dump() +
           "\n";
}

}  // namespace

ExportShards plan_export_shards(std::span<const model::TensorInfo> tensors,
                                std::uint64_t shard_bytes) {
    ExportShards plan{divide(tensors, shard_bytes), std::vector<TensorPlace>(tensors.size())};
    for (std::size_t s = 0; s < plan.shards.size(); ++s) {
        ExportShard& shard = plan.shards[s];
        shard.file = file_name(s, plan.shards.size());
        std::ranges::stable_sort(shard.tensors, std::ranges::greater(), [&](int t) {
            return alignment_of(tensors[static_cast<std::size_t>(t)]);
        });
        std::uint64_t offset = 0;
        for (const int t : shard.tensors) {
            plan.places[static_cast<std::size_t>(t)] = {static_cast<int>(s), offset};
            offset += tensors[static_cast<std::size_t>(t)].bytes();
        }
    }
    return plan;
}

std::vector<std::byte> safetensors_head(
    const ExportShards& plan, const ExportShard& shard, std::span<const model::TensorInfo> tensors,
    std::span<const std::pair<std::string, std::string>> metadata) {
    std::vector<model::TensorInfo> parts;
    std::vector<std::uint64_t> offsets;
    for (const int t : shard.tensors) {
        parts.push_back(tensors[static_cast<std::size_t>(t)]);
        offsets.push_back(plan.places[static_cast<std::size_t>(t)].offset);
    }
    return safetensors_head(parts, offsets, metadata);
}

std::vector<std::byte> safetensors_head(
    std::span<const model::TensorInfo> tensors, std::span<const std::uint64_t> offsets,
    std::span<const std::pair<std::string, std::string>> metadata, std::size_t size) {
    formats::Json::Object header{
        {"__metadata__", formats::Json::Object(metadata.begin(), metadata.end())}};
    for (std::size_t t = 0; t < tensors.size(); ++t) {
        header.emplace_back(tensors[t].name, entry_of(tensors[t], offsets[t]));
    }
    std::string text = formats::Json(std::move(header)).dump(-1);
    std::uint64_t length = 0;
    const std::size_t aligned =
        (text.size() + kHeaderAlignment - 1) / kHeaderAlignment * kHeaderAlignment;
    assert(size == 0 || size >= sizeof(length) + text.size());
    text.resize(size > 0 ? size - sizeof(length) : aligned, ' ');
    length = text.size();  // little-endian, as every machine this runs on
    std::vector<std::byte> head(sizeof(length) + text.size());
    std::memcpy(head.data(), &length, sizeof(length));
    std::memcpy(head.data() + sizeof(length), text.data(), text.size());
    return head;
}

std::string safetensors_index(const ExportShards& plan,
                              std::span<const model::TensorInfo> tensors) {
    std::uint64_t total = 0;
    formats::Json::Object map;
    for (std::size_t t = 0; t < tensors.size(); ++t) {
        total += tensors[t].bytes();
        map.emplace_back(tensors[t].name,
                         plan.shards[static_cast<std::size_t>(plan.places[t].shard)].file);
    }
    return index_text(total, std::move(map));
}

std::string safetensors_index(const ExportShards& plan,
                              std::span<const std::vector<std::string>> names,
                              std::uint64_t bytes) {
    formats::Json::Object map;
    for (std::size_t s = 0; s < names.size(); ++s) {
        for (const std::string& name : names[s]) {
            map.emplace_back(name, plan.shards[s].file);
        }
    }
    return index_text(bytes, std::move(map));
}

fs::path without_last_slash(const fs::path& folder) {
    return folder.has_filename() ? folder : folder.parent_path();
}

void require_free(const fs::path& folder) {
    const auto status = support::link_status_of(folder);
    if (!fs::exists(status)) {
        return;
    }
    if (!fs::is_directory(status)) {
        throw kNotAFolder(folder.string());
    }
    if (!entries_of(folder).empty()) {
        throw kNotEmpty(folder.string());
    }
}

bool take_over_folder(const fs::path& folder, const model::Catalogue& catalogue,
                      const ExportShards& plan) {
    const auto ours = [&](const fs::path& place) { return is_ours(place, catalogue, plan); };
    if (!take_over(folder, ours)) {
        return false;
    }
    const fs::path partial = support::partial_name(folder);
    std::error_code problem;
    for (const fs::path& entry : entries_of(partial)) {
        if (!is_shard(entry.filename(), plan)) {
            fs::remove_all(entry, problem);  // written again at the end
        }
    }
    return true;
}

void make_empty(const fs::path& partial) {
    std::error_code problem;
    fs::remove_all(partial, problem);
    if (!problem) {
        fs::create_directory(partial, problem);
    }
    if (problem) {
        throw kCannotMake(partial.string(), problem.message());
    }
}

void write_small_files(const fs::path& folder, const model::Catalogue& catalogue,
                       const ExportShards& plan, const std::string& index) {
    if (plan.shards.size() > 1) {
        support::write_text_atomically(folder / kIndex, index);
    }
    for (const model::AuxiliaryFile& auxiliary_file : model::read_auxiliary_files(catalogue)) {
        make_folders_of(folder, auxiliary_file.name);
        support::write_text_atomically(folder / auxiliary_file.name, auxiliary_file.contents);
    }
    support::write_text_atomically(folder / kConfigurationFile, catalogue.configuration_text);
}

}  // namespace alphaprune::checkpoint
