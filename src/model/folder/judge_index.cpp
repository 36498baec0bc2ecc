#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/family.hpp"
#include "alphaprune/model/name_list.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/message.hpp"
#include "find_matrices.hpp"
#include "folder_reading.hpp"
#include "name_words.hpp"

namespace alphaprune::model {
namespace {

const support::BadRequest<std::string> kNotInShard{
    "model.not-in-shard", "tensors that the index puts here are not in the shard: {}",
    "shards of two downloads or two versions are mixed",
    "fetch the shards and the index again, all of the same version"};

const support::BadRequest<std::string, std::string> kDifferentCopy{
    "model.different-copy", "tensor {} of this shard is in {}, too, with different contents",
    "shards of two downloads or two versions are mixed",
    "fetch the shards and the index again, all of the same version"};

const support::Warning<std::string> kAbsentSurplus{
    "model.absent-surplus",
    "the index lists tensors that no shard has and that the model does not need: {}",
    "the index belongs to another version of the model, or tensors were removed from the shards",
    "compare the index with where the model came from"};

const support::Warning<std::string> kEqualCopies{
    "model.equal-copies", "tensors are in several shards, with equal contents: {}",
    "the shards were made by hand, or share tied weights", "none is needed"};

const support::Warning<std::string> kLastCopyTaken{
    "model.last-copy-taken",
    "tensors are in several shards and differ; those of the last shard are taken, as transformers "
    "does: {}",
    "shards of two versions are mixed, in tensors that the model does not need",
    "compare the shards with where the model came from"};

/// The names that a model of a known family has, with the family's base prefix and without it.
std::set<std::string, std::less<>> listed_names(const Catalogue& catalogue) {
    std::set<std::string, std::less<>> names;
    support::FaultList ignored;  // where the tensors are unknown, the list is empty
    const formats::Json config = formats::Json::parse(catalogue.configuration_text, "config.json",
                                                      formats::JsonDialect::python);
    for (const TensorInfo& tensor :
         list_tensors(catalogue.configuration, config, "config.json", ignored)) {
        for (std::string& stored : catalogue.stored_names(tensor.name)) {
            names.insert(std::move(stored));
        }
    }
    return names;
}

/// Which tensors a model cannot do without: those of its blocks, and what the forward pass uses
/// around them. For an unknown family these are all under the name of the decoder, and the output
/// head.
class NeededTensors {
  public:
    /// @param catalogue  with its matrices, if they could be found; outlives this
    explicit NeededTensors(const Catalogue& catalogue)
        : catalogue_(catalogue),
          listed_(listed_names(catalogue)),
          block_prefix_(catalogue.decoder.prefix) {
        for (const TensorInfo& tensor : catalogue.tensors) {
            if (tensor.matrix >= 0) {
                prunable_.insert(tensor.name);
            }
        }
    }

    bool contains(std::string_view name) const {
        return prunable_.contains(name) ||
               (listed_.empty() ? is_in_decoder(name) : listed_.contains(name));
    }

  private:
    bool is_in_decoder(std::string_view name) const {
        if (name == "lm_head.weight" || name == "embed_out.weight") {
            return !catalogue_.configuration.tied_embeddings;
        }
        // "model." of "model.layers."; nothing of "h.", where any name may be the decoder's.
        const std::size_t length = block_prefix_.empty() ? 0 : block_prefix_.size() - 1;
        const std::size_t dot = block_prefix_.substr(0, length).rfind('.');
        const auto block = after_prefix(name, block_prefix_);
        const bool in_base =
            dot == std::string_view::npos || name.starts_with(block_prefix_.substr(0, dot + 1));
        return in_base && !(block && block->number >= catalogue_.blocks());
    }

    const Catalogue& catalogue_;
    std::set<std::string_view> prunable_;
    std::set<std::string, std::less<>> listed_;  ///< of a known family
    std::string_view block_prefix_;              ///< else: what precedes a block's number
};

std::filesystem::path path_of(const Catalogue& catalogue, const TensorInfo& tensor) {
    return catalogue.folder / catalogue.shards[static_cast<std::size_t>(tensor.shard)];
}

/// Same type, shape and contents, which are read in pieces up to the first difference.
bool are_equal(const Catalogue& catalogue, const TensorInfo& one, const TensorInfo& other) {
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
        faults.add(kNotInShard((catalogue.folder / shard).string(), list_names(tensors)));
    }
    if (!surplus.empty()) {
        catalogue.warnings.push_back(kAbsentSurplus(list_names(surplus)));
    }
}

void judge_copies(const IndexFindings& findings, const NeededTensors& needed, Catalogue& catalogue,
                  support::FaultList& faults) {
    std::vector<std::string> equal;
    std::vector<std::string> different;
    for (const auto& [copy, last] : findings.copies) {
        if (are_equal(catalogue, copy, last)) {
            equal.push_back(copy.name);
        } else if (needed.contains(copy.name)) {
            faults.add(kDifferentCopy(path_of(catalogue, copy).string(), copy.name,
                                      path_of(catalogue, last).filename().string()));
        } else {
            different.push_back(copy.name);
        }
    }
    if (!equal.empty()) {
        catalogue.warnings.push_back(kEqualCopies(list_names(equal)));
    }
    if (!different.empty()) {
        catalogue.warnings.push_back(kLastCopyTaken(list_names(different)));
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
