#pragma once

#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace alphaprune::cli {

/// Settings that belong together, under one name: what --recipe sets where the user has not.
struct Recipe {
    std::string_view name;
    std::string_view help;                                                ///< one clause for --help
    std::vector<std::pair<std::string_view, std::string_view>> settings;  ///< option and value
};

std::span<const Recipe> recipes();
/// @return nullptr where none has the name
const Recipe* find_recipe(std::string_view name);

}  // namespace alphaprune::cli
