#include "find_matrices.hpp"

namespace alphaprune::model {

bool is_matrix(const TensorInfo& tensor) {
    return tensor.shape.size() == 2 && tensor.shape[0] > 0 && tensor.shape[1] > 0;
}

void add_matrix(Catalogue& catalogue, int tensor, std::int64_t block) {
    TensorInfo& info = catalogue.tensors[static_cast<std::size_t>(tensor)];
    info.matrix = static_cast<int>(catalogue.matrices.size());
    catalogue.matrices.push_back({tensor, static_cast<int>(block), info.shape[0], info.shape[1]});
}

/// Of an unknown kind of model, which need not be one that can be pruned.
static void find_what_can_be(Catalogue& catalogue) {
    support::FaultList faults;
    find_generic_matrices(catalogue, {}, faults);
    find_orientation(catalogue);
}

void find_matrices(Catalogue& catalogue, support::FaultList& faults) {
    if (const Family* family = family_of(catalogue.configuration.model_type)) {
        catalogue.family = family->name;
        find_family_matrices(*family, catalogue, faults);
    } else {
        catalogue.family = "generic";
        find_what_can_be(catalogue);
    }
}

}  // namespace alphaprune::model
