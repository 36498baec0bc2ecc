#pragma once

#include <span>
#include <string_view>

#include "alphaprune/allocation/allocation.hpp"

namespace alphaprune::test {

inline allocation::Allocation allocate(std::string_view name,
                                       const allocation::AllocationRequest& request) {
    return allocation::find_allocation(name)->allocate(request);
}

using Items = std::span<const allocation::AllocationItem>;
inline allocation::Allocation allocate_alphapruning(Items items,
                                                    const allocation::AllocationOptions& options) {
    return allocate("alphapruning", {items, options});
}
inline allocation::Allocation allocate_uniform(Items items,
                                               const allocation::AllocationOptions& options) {
    return allocate("uniform", {items, options});
}
inline allocation::Allocation allocate_linear_depth(Items items,
                                                    const allocation::AllocationOptions& options) {
    return allocate("linear_depth", {items, options});
}

inline allocation::Allocation allocate_given(Items items, std::span<const double> ratios) {
    return allocate("file:ratios.csv", {items, {}, ratios});
}

}  // namespace alphaprune::test
