#include "page/color_scale.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace alphaprune::report {
namespace {

// Of matplotlib's viridis and ColorBrewer's RdBu, at even distances.
constexpr std::array<Color, 9> kViridis{{{68, 1, 84},
                                         {71, 45, 123},
                                         {59, 82, 139},
                                         {44, 114, 142},
                                         {33, 145, 140},
                                         {40, 174, 128},
                                         {94, 201, 98},
                                         {173, 220, 48},
                                         {253, 231, 37}}};
constexpr std::array<Color, 9> kBlueRed{{{33, 102, 172},
                                         {67, 147, 195},
                                         {146, 197, 222},
                                         {209, 229, 240},
                                         {240, 240, 240},
                                         {253, 219, 199},
                                         {244, 165, 130},
                                         {214, 96, 77},
                                         {178, 24, 43}}};

Color between_stops(const std::array<Color, 9>& stops, double share) {
    const double at = std::clamp(std::isfinite(share) ? share : 0.5, 0.0, 1.0) * 8;
    const auto below = std::min(static_cast<std::size_t>(at), std::size_t{7});
    const double part = at - static_cast<double>(below);
    const Color& a = stops[below];
    const Color& b = stops[below + 1];
    return {a.red + part * (b.red - a.red), a.green + part * (b.green - a.green),
            a.blue + part * (b.blue - a.blue)};
}

double linear(double channel) {
    const double share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : std::pow((share + 0.055) / 1.055, 2.4);
}

}  // namespace

std::string Color::hex() const {
    return fmt::format("#{:02x}{:02x}{:02x}", std::lround(red), std::lround(green),
                       std::lround(blue));
}

bool Color::wants_white() const {
    const double luminance = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
    return 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05;
}

Color sequential_color(double share) {
    return between_stops(kViridis, share);
}

Color diverging_color(double share) {
    return between_stops(kBlueRed, share);
}

}  // namespace alphaprune::report
