#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <utility>

#include "alphaprune/model/matrix_slices.hpp"
#include "alphaprune/model/name_list.hpp"
#include "alphaprune/support/message.hpp"
#include "find_matrices.hpp"
#include "name_words.hpp"

namespace alphaprune::model {
namespace {

const support::BadRequest<double, std::string> kSeveralInOneTensor{
    "model.several-in-one-tensor",
    "{:.3g} % of the weights of the decoder blocks are several matrices in one tensor (experts, "
    "for "
    "instance), which this version cannot prune: {}",
    "gpt-oss, Llama 4, Granite-MoE, DBRX and others store all experts of a block in one tensor",
    "save the model with one matrix per expert, or leave these tensors dense and prune the rest: "
    "name them with --exclude, as in --exclude experts"};

const support::BadRequest<std::string, std::int64_t, std::string> kNothingToPrune{
    "model.nothing-to-prune", "nothing in the blocks {}<0-{}> is left to prune; left out: {}",
    "every linear layer was excluded, or none was recognized",
    "name what is to be pruned with --include, or exclude less"};

const support::Warning<double, std::string> kLittleToPrune{
    "model.little-to-prune",
    "only {:.3g} % of the weights of the decoder blocks are prunable: the ratio asked for is that "
    "of these alone; left out (--include takes two-dimensional ones in): {}",
    "the blocks have parameters whose use their names do not tell",
    "include more with --include, or ask for a higher ratio"};

/// "model.layers.3.mlp.experts.5.w1.weight" as "model.layers.*.mlp.experts.*.w1.weight".
std::string without_numbers(std::string_view name) {
    std::string pattern;
    for (const std::string_view part : components_of(name)) {
        pattern += pattern.empty() ? "" : ".";
        pattern += is_number(part) ? std::string_view("*") : part;
    }
    return pattern;
}

std::string reason_for(const TensorInfo& tensor, Role role, bool by_request, bool known_family) {
    if (by_request) {
        return "--exclude";
    }
    if (role == Role::linear && tensor.matrix < 0 && known_family) {
        return "no part of the family's blocks";
    }
    return std::string(reason_of(role));
}

std::string counted(std::int64_t weights) {
    constexpr double kMillion = 1e6;
    constexpr double kBillion = 1e9;
    const auto value = static_cast<double>(weights);
    return value < kMillion   ? fmt::format("{} weights", weights)
           : value < kBillion ? fmt::format("{:.3g} million weights", value / kMillion)
                              : fmt::format("{:.3g} billion weights", value / kBillion);
}

PrunableShare share_of(const Catalogue& catalogue, const std::vector<BlockTensor>& tensors,
                       const MatrixChoice& choice, const std::optional<BlockRange>& kept) {
    PrunableShare share;
    std::map<std::string, LeftOut> groups;
    for (const auto& [index, block, role] : tensors) {
        const TensorInfo& tensor = catalogue.tensors[static_cast<std::size_t>(index)];
        const bool is_counted = !kept || (block >= kept->first && block <= kept->last);
        if (!is_counted || (tensor.matrix < 0 && role == Role::buffer)) {
            continue;
        }
        share.block_weights += tensor.values();
        if (tensor.matrix >= 0) {
            for (const int matrix : matrices_of(catalogue, index)) {
                share.prunable += catalogue.matrices[static_cast<std::size_t>(matrix)].size();
            }
            continue;
        }
        const bool by_request = choice.excludes(tensor.name);
        const std::string reason =
            reason_for(tensor, role, by_request, catalogue.family != "generic");
        const std::string names = without_numbers(tensor.name);
        LeftOut& group = groups[names + "\n" + reason];
        group.names = names;
        group.reason = reason;
        group.by_request = by_request;
        ++group.tensors;
        group.weights += tensor.values();
    }
    for (auto& [key, group] : groups) {
        share.left_out.push_back(std::move(group));
    }
    std::ranges::stable_sort(share.left_out, std::greater<>(), &LeftOut::weights);
    return share;
}

/// Experts that are stacked in one tensor, or much else of three dimensions, must not stay dense
/// without the user's knowledge.
void refuse_stacks(const Catalogue& catalogue, const std::vector<BlockTensor>& tensors,
                   const MatrixChoice& choice, const PrunableShare& share,
                   support::FaultList& faults) {
    constexpr std::int64_t kMuch = 10;  // one part in ten
    constexpr std::size_t kStacked = 3;
    std::int64_t stacked = 0;
    std::int64_t odd = 0;
    for (const auto& [index, block, role] : tensors) {
        const TensorInfo& tensor = catalogue.tensors[static_cast<std::size_t>(index)];
        if (tensor.matrix < 0 && !choice.excludes(tensor.name)) {
            stacked += role == Role::stacked ? tensor.values() : 0;
            odd += role == Role::other && tensor.shape.size() >= kStacked ? tensor.values() : 0;
        }
    }
    if (stacked == 0 && odd * kMuch <= share.block_weights) {
        return;
    }
    std::vector<LeftOut> stacks;
    std::ranges::copy_if(share.left_out, std::back_inserter(stacks), [](const LeftOut& group) {
        return !group.by_request &&
               (group.reason == reason_of(Role::stacked) || group.reason == reason_of(Role::other));
    });
    const double part = static_cast<double>(stacked + odd) /
                        static_cast<double>(std::max<std::int64_t>(share.block_weights, 1));
    faults.add(kSeveralInOneTensor(catalogue.folder.string(), 100 * part, list_left_out(stacks)));
}

void warn_of_little(Catalogue& catalogue, const PrunableShare& share) {
    std::int64_t requested = 0;
    std::vector<LeftOut> unasked;
    for (const LeftOut& group : share.left_out) {
        requested += group.by_request ? group.weights : 0;
        if (!group.by_request) {
            unasked.push_back(group);
        }
    }
    if (2 * share.prunable < share.block_weights - requested) {
        catalogue.warnings.push_back(kLittleToPrune(100 * share.share(), list_left_out(unasked)));
    }
}

}  // namespace

double PrunableShare::share() const {
    return block_weights == 0 ? 0
                              : static_cast<double>(prunable) / static_cast<double>(block_weights);
}

PrunableShare prunable_share(const Catalogue& catalogue, const MatrixChoice& choice,
                             const std::optional<BlockRange>& kept) {
    const RoleFinder roles(catalogue, catalogue.decoder);
    return share_of(catalogue, roles.tensors_in(catalogue.decoder.count), choice, kept);
}

std::string list_left_out(const std::vector<LeftOut>& left_out) {
    std::vector<std::string> texts;
    for (const LeftOut& group : left_out) {
        texts.push_back(fmt::format("{} ({} tensor{}, {}: {})", group.names, group.tensors,
                                    group.tensors == 1 ? "" : "s", counted(group.weights),
                                    group.reason));
    }
    return texts.empty() ? "nothing" : list_names(texts);
}

void judge_prunable_share(Catalogue& catalogue, const std::vector<BlockTensor>& tensors,
                          const MatrixChoice& choice, support::FaultList& faults) {
    const PrunableShare share = share_of(catalogue, tensors, choice, std::nullopt);
    refuse_stacks(catalogue, tensors, choice, share, faults);
    faults.throw_if_any();
    if (catalogue.matrices.empty()) {
        throw kNothingToPrune(catalogue.folder.string(), catalogue.decoder.prefix,
                              catalogue.decoder.count - 1, list_left_out(share.left_out));
    }
    warn_of_little(catalogue, share);
}

}  // namespace alphaprune::model
