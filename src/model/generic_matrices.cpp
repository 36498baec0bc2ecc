#include <algorithm>
#include <utility>
#include <vector>

#include "find_matrices.hpp"

namespace alphaprune::model {

std::optional<ChosenBlocks> find_generic_matrices(Catalogue& catalogue, const MatrixChoice& choice,
                                                  support::FaultList& faults) {
    std::optional<ChosenBlocks> chosen = choose_blocks(catalogue, choice, faults);
    if (!chosen) {
        return chosen;
    }
    catalogue.decoder = chosen->blocks;
    std::vector<std::pair<std::int64_t, int>> found;
    for (const auto& [index, block, role] : chosen->tensors) {
        if (role == Role::linear && is_matrix(catalogue.tensors[static_cast<std::size_t>(index)])) {
            found.emplace_back(block, index);
        }
    }
    // Block by block; inside one the order of the files stays.
    std::ranges::sort(found);
    for (const auto& [block, tensor] : found) {
        add_matrix(catalogue, tensor, block);
    }
    return chosen;
}

}  // namespace alphaprune::model
