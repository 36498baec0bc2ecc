#include <fmt/format.h>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/support/error.hpp"
#include "find_matrices.hpp"

namespace alphaprune::model {

void keep_blocks(Catalogue& catalogue, BlockRange kept) {
    const int blocks = catalogue.blocks();
    if (kept.first < 0 || kept.last < kept.first || kept.last >= blocks) {
        throw support::bad_request(
            fmt::format("the model has no blocks {} to {}", kept.first, kept.last),
            catalogue.folder.string(),
            fmt::format("its {} blocks are numbered from 0 to {}", blocks, blocks - 1));
    }
    const std::vector<MatrixInfo> all = catalogue.matrices;
    forget_matrices(catalogue);
    for (const MatrixInfo& matrix : all) {
        if (matrix.block >= kept.first && matrix.block <= kept.last) {
            add_matrix(catalogue, matrix);
        }
    }
}

}  // namespace alphaprune::model
