#pragma once

#include <cstdint>
#include <memory>

#include "alphaprune/linalg/outer_products.hpp"
#include "alphaprune/pruning/sparsegpt.hpp"

namespace alphaprune::pruning {

struct Hessian::State {
    std::int64_t order = 0;
    std::unique_ptr<linalg::OuterProducts> products;
};

}  // namespace alphaprune::pruning
