#pragma once

#include <functional>
#include <optional>
#include <string>

#include "page/matrix_grid.hpp"

namespace alphaprune::report {

/// What a map of the matrices shows.
struct HeatMap {
    std::string id;                                    ///< of the picture, unique on the page
    std::string label;                                 ///< fit for HTML
    std::function<double(const MatrixReport&)> value;  ///< NaN: none
    int digits = 3;                                    ///< significant ones of a value
    /// Gray stands for it, blue for less and red for more; nothing: dark for least, light for most.
    std::optional<double> middle = {};
};

/// A rectangle per kind and block, colored by the value of the matrix there or the mean of several,
/// and a scale. Empty where no value is a number.
std::string heat_map(const RunReport& report, const MatrixGrid& grid, const HeatMap& map);

}  // namespace alphaprune::report
