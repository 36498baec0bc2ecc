#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "alphaprune/spectrum/power_law.hpp"

namespace alphaprune::spectrum {

/// The shape metrics of a spectrum (docs/methods.md gives formulas and sources).
enum class Metric : std::size_t {
    alpha_peak,
    alpha_mid,
    alpha_fix_finger,
    alpha_ks,
    spectral_norm,
    frobenius_sq,
    stable_rank,
    alpha_hat,
    entropy,
    log_norm,
    log_spectral_norm,
    alpha_peak_farms,  ///< of windows, not of the matrix's own spectrum (spectrum/farms.hpp)
};
inline constexpr std::size_t kMetrics = 12;

std::string_view name_of(Metric metric);
std::optional<Metric> metric_named(std::string_view name);

/// One value per metric; NaN where the metric is undefined (an all-zero matrix, one eigenvalue, …).
struct ShapeMetrics {
    std::array<double, kMetrics> values{};

    double& operator[](Metric metric) { return values[static_cast<std::size_t>(metric)]; }
    double operator[](Metric metric) const { return values[static_cast<std::size_t>(metric)]; }
};

/// All metrics of a spectrum but alpha_peak_farms, which is NaN. Eigenvalues that are not positive
/// have no logarithm: they are left out of the histogram and of the candidate starts, but count in
/// N.
/// @param eigenvalues  ascending, not negative
ShapeMetrics shape_metrics(std::span<const double> eigenvalues);

/// Those that a spectrum computed in float32 gives accurately; the others, which depend on its
/// smallest eigenvalues, become NaN.
ShapeMetrics without_small_eigenvalues(ShapeMetrics metrics);

/// alpha_peak alone; NaN where it is undefined.
/// @param eigenvalues  ascending, not negative
double alpha_peak(std::span<const double> eigenvalues);

/// Whether the metric is the exponent of one power law fitted to the matrix's own spectrum.
bool has_fit(Metric metric);

/// The power law whose exponent such a metric is; nothing where it is undefined, or of another
/// metric.
/// @param eigenvalues  ascending, not negative
std::optional<PowerLawFit> fit_of(Metric metric, std::span<const double> eigenvalues);

/// Rounded to 10 significant digits: what is communicated and decides ratios, so that the last bits
/// of an eigensolver do not decide masks.
double rounded(double value);
ShapeMetrics rounded(const ShapeMetrics& metrics);

}  // namespace alphaprune::spectrum
