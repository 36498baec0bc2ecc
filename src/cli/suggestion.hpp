#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace alphaprune::cli {

/// Letters to insert, delete, change or swap with their neighbour to make one word of the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate that the user most likely meant; empty when none is near.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace alphaprune::cli
