#include "recipes.hpp"

#include <algorithm>

namespace alphaprune::cli {

std::span<const Recipe> recipes() {
    static const std::vector<Recipe> all{
        {"best",
         "ALPS with targets from the dense model, site by site",
         {{"prune-method", "alps"},
          {"allocation", "uniform"},
          {"dense-target", "auto"},
          {"residual-target", "auto"},
          {"site-order", "sequential"},
          {"damping", "auto"}}},
        {"published",
         "AlphaPruning with SparseGPT, as in the paper",
         {{"prune-method", "sparsegpt"}, {"allocation", "alphapruning"}, {"metric", "alpha_peak"}}},
    };
    return all;
}

const Recipe* find_recipe(std::string_view name) {
    const auto found = std::ranges::find(recipes(), name, &Recipe::name);
    return found == recipes().end() ? nullptr : &*found;
}

}  // namespace alphaprune::cli
