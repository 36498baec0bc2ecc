#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace alphaprune::report {

/// Of the charts that are as wide as the page: their width, and where their plots end.
inline constexpr double kWideWidth = 860;
inline constexpr double kWideRight = 848;

/// Values from `low` to `high` on pixels from `begin` to `end`.
struct Axis {
    double low = 0;
    double high = 1;
    double begin = 0;
    double end = 1;

    /// The pixel of a value; those outside stand at the nearer end.
    double at(double value) const;
};

/// Where the plot of a chart lies, y upwards from its lower edge.
struct PlotFrame {
    Axis x;
    Axis y;
};

/// A mark on an axis and what stands beside it.
struct Tick {
    double value = 0;
    std::string text;
};

/// Some air around the values that are finite; 0 to 1 where none is.
/// @param pixels  those of the result
Axis axis_around(std::span<const double> values, double begin, double end);

/// About so many round numbers within an axis.
std::vector<Tick> round_ticks(const Axis& axis, int about);
/// On an axis of logarithms to base 10: powers of ten, at most so many, and where there are few of
/// them numbers between.
std::vector<Tick> decade_ticks(const Axis& axis, int most);

/// "10⁻³"
std::string power_of_ten(int exponent);

/// Grid lines, numbers and titles. @param titles  already fit for HTML
std::string left_axis(const PlotFrame& frame, const std::vector<Tick>& ticks,
                      std::string_view title);
std::string bottom_axis(const PlotFrame& frame, const std::vector<Tick>& ticks,
                        std::string_view title);

/// An SVG picture with a name for those who do not see it. @param label  already fit for HTML
std::string svg_picture(std::string_view css_class, double width, double height,
                        std::string_view label, const std::string& marks);

}  // namespace alphaprune::report
