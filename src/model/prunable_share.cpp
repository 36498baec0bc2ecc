#include "alphaprune/model/prunable_share.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "block_names.hpp"
#include "name_list.hpp"
#include "name_words.hpp"
#include "tensor_role.hpp"

namespace alphaprune::model {
namespace {

/// "model.layers.3.mlp.experts.5.w1.weight" as "model.layers.*.mlp.experts.*.w1.weight".
std::string without_numbers(std::string_view name) {
    std::string pattern;
    for (const std::string_view part : components_of(name)) {
        const bool number =
            !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
        pattern += pattern.empty() ? "" : ".";
        pattern += number ? std::string_view("*") : part;
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

}  // namespace

double PrunableShare::share() const {
    return block_weights == 0 ? 0
                              : static_cast<double>(prunable) / static_cast<double>(block_weights);
}

PrunableShare prunable_share(const Catalogue& catalogue, const MatrixChoice& choice,
                             const std::optional<BlockRange>& kept) {
    const RoleFinder roles(catalogue, catalogue.decoder);
    PrunableShare share;
    std::map<std::string, LeftOut> groups;
    for (const TensorInfo& tensor : catalogue.tensors) {
        const auto block = block_of(tensor.name, catalogue.decoder);
        if (!block || (kept && (*block < kept->first || *block > kept->last))) {
            continue;
        }
        const Role role = roles.role_of(tensor);
        const std::int64_t weights = tensor.rows() * tensor.row_length();
        if (tensor.matrix < 0 && role == Role::buffer) {
            continue;
        }
        share.block_weights += weights;
        if (tensor.matrix >= 0) {
            share.prunable += weights;
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
        group.weights += weights;
    }
    for (auto& [key, group] : groups) {
        share.left_out.push_back(std::move(group));
    }
    std::ranges::stable_sort(share.left_out, std::greater<>(), &LeftOut::weights);
    return share;
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

}  // namespace alphaprune::model
