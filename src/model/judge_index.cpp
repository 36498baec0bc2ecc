#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "alphaprune/support/file.hpp"
#include "name_list.hpp"
#include "needed_tensors.hpp"
#include "read_tensors.hpp"

namespace alphaprune::model {
namespace {

const std::string kFetchAgain = "fetch the shards and the index again: they belong to each other";

std::filesystem::path path_of(const Catalogue& catalogue, const TensorInfo& tensor) {
    return catalogue.folder / catalogue.shards[static_cast<std::size_t>(tensor.shard)];
}

/// Of one type, shape and content, which is read in pieces up to the first difference.
bool are_alike(const Catalogue& catalogue, const TensorInfo& one, const TensorInfo& other) {
    if (one.type != other.type || one.shape != other.shape) {
        return false;
    }
    constexpr std::uint64_t kPiece = std::uint64_t{4} << 20;
    const support::File first = support::File::open_for_reading(path_of(catalogue, one));
    const support::File second = support::File::open_for_reading(path_of(catalogue, other));
    std::vector<std::byte> of_first;
    std::vector<std::byte> of_second;
    for (std::uint64_t at = 0; at < one.bytes(); at += kPiece) {
        of_first.resize(std::min(kPiece, one.bytes() - at));
        of_second.resize(of_first.size());
        first.read_at(one.offset + at, of_first);
        second.read_at(other.offset + at, of_second);
        if (of_first != of_second) {
            return false;
        }
    }
    return true;
}

void judge_absent(const IndexFindings& findings, const NeededTensors& needed, Catalogue& catalogue,
                  support::FaultList& faults) {
    std::map<std::string, std::vector<std::string>> missing;
    std::vector<std::string> surplus;
    for (const auto& [tensor, shard] : findings.absent) {
        if (needed.contains(tensor)) {
            missing[shard].push_back(tensor);
        } else {
            surplus.push_back(tensor);
        }
    }
    for (const auto& [shard, tensors] : missing) {
        faults.add(fmt::format("tensors that the index puts here are not in the shard: {}",
                               list_names(tensors)),
                   (catalogue.folder / shard).string(), kFetchAgain);
    }
    if (!surplus.empty()) {
        catalogue.warnings.push_back(fmt::format(
            "the index names tensors that no shard has, and that the model does not need: {}",
            list_names(surplus)));
    }
}

void judge_copies(const IndexFindings& findings, const NeededTensors& needed, Catalogue& catalogue,
                  support::FaultList& faults) {
    std::unordered_map<std::string_view, const TensorInfo*> kept;
    for (const TensorInfo& tensor : catalogue.tensors) {
        kept.emplace(tensor.name, &tensor);
    }
    std::vector<std::string> alike;
    std::vector<std::string> different;
    for (const TensorInfo& copy : findings.copies) {
        const TensorInfo& last = *kept.at(copy.name);
        if (are_alike(catalogue, copy, last)) {
            alike.push_back(copy.name);
        } else if (needed.contains(copy.name)) {
            faults.add(
                fmt::format("tensor {} of this shard is in {}, too, and is another one there",
                            copy.name, path_of(catalogue, last).filename().string()),
                path_of(catalogue, copy).string(), kFetchAgain);
        } else {
            different.push_back(copy.name);
        }
    }
    if (!alike.empty()) {
        catalogue.warnings.push_back(
            fmt::format("tensors are in several shards, alike: {}", list_names(alike)));
    }
    if (!different.empty()) {
        catalogue.warnings.push_back(
            fmt::format("tensors are in several shards and differ; those of the last shard are "
                        "taken, as transformers does: {}",
                        list_names(different)));
    }
}

}  // namespace

void judge_index(const IndexFindings& findings, Catalogue& catalogue, support::FaultList& faults) {
    if (findings.absent.empty() && findings.copies.empty()) {
        return;
    }
    const NeededTensors needed(catalogue);
    judge_absent(findings, needed, catalogue, faults);
    judge_copies(findings, needed, catalogue, faults);
}

}  // namespace alphaprune::model
