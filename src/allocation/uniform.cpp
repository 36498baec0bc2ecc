#include "alphaprune/allocation/allocation.hpp"

namespace alphaprune::allocation {
namespace {

Allocation allocate(const AllocationRequest& request) {
    check_request(request);
    return {std::vector<double>(request.items.size(), request.options.sparsity_ratio), {}, {}};
}

}  // namespace

AllocationMethod uniform_row() {
    return {.name = "uniform", .help = "the same everywhere", .source = "", .allocate = allocate};
}

}  // namespace alphaprune::allocation
