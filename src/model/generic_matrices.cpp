#include <algorithm>
#include <utility>
#include <vector>

#include "block_names.hpp"
#include "choose_blocks.hpp"
#include "find_matrices.hpp"
#include "tensor_role.hpp"

namespace alphaprune::model {

std::vector<std::string> find_generic_matrices(Catalogue& catalogue, const MatrixChoice& choice,
                                               support::FaultList& faults) {
    const std::optional<ChosenBlocks> chosen = choose_blocks(catalogue, choice, faults);
    if (!chosen) {
        return {};
    }
    catalogue.decoder = chosen->blocks;
    const RoleFinder roles(catalogue, catalogue.decoder);
    std::vector<std::pair<std::int64_t, int>> found;
    for (std::size_t i = 0; i < catalogue.tensors.size(); ++i) {
        const TensorInfo& tensor = catalogue.tensors[i];
        const auto block = block_of(tensor.name, catalogue.decoder);
        if (block && is_matrix(tensor) && roles.role_of(tensor) == Role::linear) {
            found.emplace_back(*block, static_cast<int>(i));
        }
    }
    // Block by block; inside one the order of the files stays.
    std::ranges::sort(found);
    for (const auto& [block, tensor] : found) {
        add_matrix(catalogue, tensor, block);
    }
    return chosen->others;
}

}  // namespace alphaprune::model
