#include <fmt/format.h>

#include <utility>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::model {

void keep_blocks(Catalogue& catalogue, BlockRange kept) {
    const int blocks = catalogue.blocks();
    if (kept.first < 0 || kept.last < kept.first || kept.last >= blocks) {
        throw support::bad_request(
            fmt::format("the model has no blocks {} to {}", kept.first, kept.last),
            catalogue.folder.string(),
            fmt::format("its {} blocks are numbered from 0 to {}", blocks, blocks - 1));
    }
    const std::vector<MatrixInfo> all = std::exchange(catalogue.matrices, {});
    for (const MatrixInfo& matrix : all) {
        const bool stays = matrix.block >= kept.first && matrix.block <= kept.last;
        catalogue.tensors[static_cast<std::size_t>(matrix.tensor)].matrix =
            stays ? static_cast<int>(catalogue.matrices.size()) : -1;
        if (stays) {
            catalogue.matrices.push_back(matrix);
        }
    }
}

}  // namespace alphaprune::model
