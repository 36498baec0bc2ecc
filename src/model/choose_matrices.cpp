#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "alphaprune/model/family.hpp"
#include "alphaprune/model/matrix_choice.hpp"
#include "alphaprune/model/prunable_share.hpp"
#include "alphaprune/support/error.hpp"
#include "block_names.hpp"
#include "find_matrices.hpp"
#include "name_list.hpp"
#include "tensor_role.hpp"

namespace alphaprune::model {
namespace {

bool any_found(const std::vector<NamePattern>& patterns, std::string_view name) {
    return std::ranges::any_of(patterns,
                               [&](const NamePattern& pattern) { return pattern.found_in(name); });
}

/// As the program's rule has it.
void find_by_rule(Catalogue& catalogue, const MatrixChoice& choice, support::FaultList& faults) {
    if (const Family* family = family_of(catalogue.configuration.model_type)) {
        find_family_matrices(*family, catalogue, faults);
        return;
    }
    const std::vector<std::string> others = find_generic_matrices(catalogue, choice, faults);
    if (!others.empty()) {
        catalogue.warnings.push_back(
            fmt::format("the decoder blocks are those named {}<0-{}>; other numbered parts of the "
                        "model stay as they are: {}",
                        catalogue.decoder.prefix, catalogue.decoder.count - 1, list_names(others)));
    }
}

/// What the user says on top of it.
void heed(const MatrixChoice& choice, Catalogue& catalogue) {
    std::vector<MatrixInfo> chosen;
    for (const MatrixInfo& matrix : catalogue.matrices) {
        if (!choice.excludes(catalogue.name_of(matrix))) {
            chosen.push_back(matrix);
        }
    }
    for (std::size_t i = 0; i < catalogue.tensors.size(); ++i) {
        const TensorInfo& tensor = catalogue.tensors[i];
        const auto block = block_of(tensor.name, catalogue.decoder);
        if (block && tensor.matrix < 0 && is_matrix(tensor) && choice.includes(tensor.name)) {
            chosen.push_back(whole_matrix(catalogue, static_cast<int>(i), *block));
        }
    }
    std::ranges::stable_sort(chosen, {}, &MatrixInfo::block);
    forget_matrices(catalogue);
    for (MatrixInfo& matrix : chosen) {
        add_matrix(catalogue, std::move(matrix));
    }
}

void require_matches(const MatrixChoice& choice, const Catalogue& catalogue,
                     support::FaultList& faults) {
    const std::string where = catalogue.folder.string();
    for (const NamePattern& pattern : choice.include) {
        const bool found = std::ranges::any_of(catalogue.tensors, [&](const TensorInfo& tensor) {
            return is_matrix(tensor) && block_of(tensor.name, catalogue.decoder) &&
                   pattern.found_in(tensor.name);
        });
        if (!found) {
            faults.add(
                fmt::format("--include '{}' matches no two-dimensional tensor of the blocks "
                            "{}<0-{}>",
                            pattern.text(), catalogue.decoder.prefix, catalogue.decoder.count - 1),
                where, "compare with the names of the model's tensors");
        }
    }
    for (const NamePattern& pattern : choice.exclude) {
        const bool found = std::ranges::any_of(catalogue.tensors, [&](const TensorInfo& tensor) {
            return pattern.found_in(tensor.name);
        });
        if (!found) {
            faults.add(fmt::format("--exclude '{}' matches no tensor of the model", pattern.text()),
                       where, "compare with the names of the model's tensors");
        }
    }
}

/// Experts that are stacked in one tensor, or so much else in three dimensions, must not stay dense
/// without the user's knowledge.
void refuse_stacks(const MatrixChoice& choice, const Catalogue& catalogue,
                   const PrunableShare& share, support::FaultList& faults) {
    constexpr std::int64_t kMuch = 10;  // one part in ten
    constexpr std::size_t kStacked = 3;
    const RoleFinder roles(catalogue, catalogue.decoder);
    std::int64_t stacked = 0;
    std::int64_t odd = 0;
    for (const TensorInfo& tensor : catalogue.tensors) {
        if (tensor.matrix >= 0 || !block_of(tensor.name, catalogue.decoder) ||
            choice.excludes(tensor.name)) {
            continue;
        }
        const Role role = roles.role_of(tensor);
        const std::int64_t weights = tensor.rows() * tensor.row_length();
        stacked += role == Role::stacked ? weights : 0;
        odd += role == Role::other && tensor.shape.size() >= kStacked ? weights : 0;
    }
    if (stacked == 0 && odd * kMuch <= share.block_weights) {
        return;
    }
    std::vector<LeftOut> stacks;
    for (const LeftOut& group : share.left_out) {
        if (!group.by_request &&
            (group.reason == reason_of(Role::stacked) || group.reason == reason_of(Role::other))) {
            stacks.push_back(group);
        }
    }
    const double part = static_cast<double>(stacked + odd) /
                        static_cast<double>(std::max<std::int64_t>(share.block_weights, 1));
    faults.add(fmt::format("{:.3g} % of the weights of the decoder blocks are several matrices in "
                           "one tensor (experts, for instance), which this version cannot prune: "
                           "{}",
                           100 * part, list_left_out(stacks)),
               catalogue.folder.string(),
               "save the model with one matrix an expert, or leave these tensors dense and prune "
               "the rest: name them with --exclude, as in --exclude experts");
}

void require_some(const Catalogue& catalogue, const PrunableShare& share,
                  support::FaultList& faults) {
    if (catalogue.matrices.empty()) {
        faults.add(fmt::format("nothing in the blocks {}<0-{}> is left to prune; left out: {}",
                               catalogue.decoder.prefix, catalogue.decoder.count - 1,
                               list_left_out(share.left_out)),
                   catalogue.folder.string(),
                   "name what is to be pruned with --include, or exclude less");
    }
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
        catalogue.warnings.push_back(fmt::format(
            "only {:.3g} % of the weights of the decoder blocks are prunable: the ratio asked for "
            "is that of these alone; left out (--include takes two-dimensional ones in): {}",
            100 * share.share(), list_left_out(unasked)));
    }
}

}  // namespace

bool MatrixChoice::includes(std::string_view name) const {
    return any_found(include, name) && !excludes(name);
}

bool MatrixChoice::excludes(std::string_view name) const {
    return any_found(exclude, name);
}

void choose_matrices(Catalogue& catalogue, const MatrixChoice& choice) {
    support::FaultList faults;
    forget_matrices(catalogue);
    find_by_rule(catalogue, choice, faults);
    faults.throw_if_any();
    heed(choice, catalogue);
    if (catalogue.family == "generic") {
        find_orientation(catalogue);
    }
    require_matches(choice, catalogue, faults);
    const PrunableShare share = prunable_share(catalogue, choice);
    refuse_stacks(choice, catalogue, share, faults);
    faults.throw_if_any();
    require_some(catalogue, share, faults);
    faults.throw_if_any();
    warn_of_little(catalogue, share);
}

}  // namespace alphaprune::model
