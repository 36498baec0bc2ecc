#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "alphaprune/model/name_list.hpp"
#include "block_names.hpp"
#include "find_matrices.hpp"

namespace alphaprune::model {
namespace {

std::set<std::int64_t> blocks_under(std::string_view prefix, const Catalogue& catalogue) {
    std::set<std::int64_t> blocks;
    for (const TensorInfo& tensor : catalogue.tensors) {
        if (const auto part = after_prefix(tensor.name, prefix)) {
            blocks.insert(part->number);
        }
    }
    return blocks;
}

/// The family's prefix, or, where no tensor has it, the same without its base.
std::string_view prefix_in_use(const Family& family, const Catalogue& catalogue) {
    const std::string_view bare = family.block_prefix.substr(family.base_prefix.size());
    return blocks_under(family.block_prefix, catalogue).empty() ? bare : family.block_prefix;
}

/// True when the files hold exactly the blocks that the configuration announces.
bool check_blocks(const Family& family, const std::set<std::int64_t>& found,
                  const Catalogue& catalogue, support::FaultList& faults) {
    const std::int64_t expected = catalogue.configuration.blocks;
    const auto count = static_cast<std::int64_t>(found.size());
    if (count == expected && (found.empty() || *found.rbegin() == expected - 1)) {
        return true;
    }
    const std::string remedy = "check that config.json and the weights belong to the same model";
    if (found.empty()) {
        faults.add(fmt::format("no tensor is named {}<number>.<...>, as those of the family {} are",
                               family.block_prefix, family.name),
                   catalogue.folder.string(), remedy);
    } else {
        faults.add(fmt::format("config.json announces {} blocks (num_hidden_layers), but the "
                               "weights have {}: numbers {}",
                               expected, count, list_numbers(found)),
                   catalogue.folder.string(), remedy);
    }
    return false;
}

/// Matrices that cannot be taken, for one message of each kind.
struct Unusable {
    std::vector<std::string> missing;
    std::vector<std::string> misshapen;

    void report(const Catalogue& catalogue, std::string_view family,
                support::FaultList& faults) const {
        const std::string where = catalogue.folder.string();
        if (!missing.empty()) {
            faults.add(fmt::format("weights that every block of the family {} has are missing: {}",
                                   family, list_names(missing)),
                       where, "fetch the missing files, or correct model_type in config.json");
        }
        if (!misshapen.empty()) {
            faults.add(fmt::format("weights that should have two dimensions, neither of them "
                                   "zero, have not: {}",
                                   list_names(misshapen)),
                       where, "save the model again, neither flattened nor quantised");
        }
    }
};

}  // namespace

void find_family_matrices(const Family& family, Catalogue& catalogue, support::FaultList& faults) {
    const std::string_view prefix = prefix_in_use(family, catalogue);
    if (!check_blocks(family, blocks_under(prefix, catalogue), catalogue, faults)) {
        return;
    }
    catalogue.decoder = {std::string(prefix), catalogue.configuration.blocks};
    std::unordered_map<std::string, int> number_of;
    for (std::size_t i = 0; i < catalogue.tensors.size(); ++i) {
        number_of.emplace(catalogue.tensors[i].name, static_cast<int>(i));
    }
    Unusable unusable;
    for (std::int64_t block = 0; block < catalogue.configuration.blocks; ++block) {
        for (const std::string_view matrix : family.matrices) {
            const std::string name = fmt::format("{}{}.{}", prefix, block, matrix);
            const auto found = number_of.find(name);
            if (found == number_of.end()) {
                unusable.missing.push_back(name);
                continue;
            }
            const TensorInfo& tensor = catalogue.tensors[static_cast<std::size_t>(found->second)];
            if (is_matrix(tensor)) {
                add_matrix(catalogue, found->second, block);
            } else {
                unusable.misshapen.push_back(
                    fmt::format("{} [{}]", name, fmt::join(tensor.shape, ", ")));
            }
        }
    }
    unusable.report(catalogue, family.name, faults);
}

}  // namespace alphaprune::model
