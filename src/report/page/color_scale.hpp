#pragma once

#include <string>

namespace alphaprune::report {

struct Color {
    double red = 0;  ///< from 0 to 255
    double green = 0;
    double blue = 0;

    std::string hex() const;
    /// Whether white letters are read better on it than black ones (WCAG's contrast ratio).
    bool wants_white() const;
};

/// Colors that grow lighter evenly, told apart by those who see few colors too (viridis).
Color sequential_color(double share);
/// Blue below the middle, gray at 1/2, red above.
Color diverging_color(double share);

}  // namespace alphaprune::report
