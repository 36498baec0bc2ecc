#pragma once

#include <string>
#include <utility>
#include <vector>

namespace alphaprune::report {

/// A line of a chart.
struct Curve {
    std::string label;                              ///< fit for HTML
    std::vector<std::pair<double, double>> points;  ///< x and y > 0, by ascending x
};

/// Inline SVG: curves over a linear axis, at their heights on a logarithmic one, each with a mark
/// per point, its color and its name in a legend. Points that are no numbers are left out. Empty
/// where no point is left.
/// @param x_name, y_name  under and above the axes, fit for HTML
/// @param level           a dashed line across the chart and its name; not positive: none
std::string curve_chart(const std::vector<Curve>& curves, const std::string& x_name,
                        const std::string& y_name, double level, const std::string& level_name);

}  // namespace alphaprune::report
