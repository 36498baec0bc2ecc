#include "alphaprune/spectrum/metrics.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

namespace alphaprune::spectrum {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

constexpr std::array<std::string_view, kMetrics> kNames{
    "alpha_peak",    "alpha_mid",    "alpha_fix_finger",  "alpha_ks",
    "spectral_norm", "frobenius_sq", "stable_rank",       "alpha_hat",
    "entropy",       "log_norm",     "log_spectral_norm", "alpha_peak_farms",
};

/// Where a spectrum is densest: the left edge, as an eigenvalue, of the fullest of 100 equal bins
/// of log10 λ between its least and its greatest value; of equally full bins the first. Eigenvalues
/// that are not positive have no logarithm and are left out. Nothing when fewer than two different
/// eigenvalues remain.
///
/// @param ascending  eigenvalues
std::optional<double> histogram_peak(std::span<const double> ascending) {
    constexpr std::size_t kBins = 100;
    const auto first = std::ranges::upper_bound(ascending, 0.0);
    const auto positive = ascending.subspan(static_cast<std::size_t>(first - ascending.begin()));
    if (positive.empty()) {
        return std::nullopt;
    }
    const double least = std::log10(positive.front());
    const double range = std::log10(positive.back()) - least;
    if (!(range > 0)) {
        return std::nullopt;
    }
    std::array<std::size_t, kBins> counts{};
    for (const double value : positive) {
        const double bin = (std::log10(value) - least) * kBins / range;
        counts[std::min(static_cast<std::size_t>(bin), kBins - 1)] += 1;
    }
    const auto fullest = std::ranges::max_element(counts) - counts.begin();
    return std::pow(10.0, least + static_cast<double>(fullest) * range / kBins);
}

/// The best fit whose tail starts between two eigenvalues, both included.
std::optional<PowerLawFit> fit_between(const TailFits& fits, std::span<const double> ascending,
                                       double least, double greatest) {
    const auto first = std::ranges::lower_bound(ascending, least) - ascending.begin();
    const auto last = std::ranges::upper_bound(ascending, greatest) - ascending.begin();
    return fits.best(static_cast<std::size_t>(first),
                     static_cast<std::size_t>(std::max(first, last)));
}

/// That of alpha_peak, for a spectrum that is densest at `peak`.
std::optional<PowerLawFit> published_fit(const TailFits& fits, std::span<const double> ascending,
                                         double peak) {
    // The lower bound of the published code: a logarithm, compared with eigenvalues. Published
    // results depend on it.
    return fit_between(fits, ascending, std::log10(0.95 * peak), 1.5 * peak);
}

std::optional<PowerLawFit> finger_fit(const TailFits& fits, std::span<const double> ascending,
                                      double peak) {
    return fit_between(fits, ascending, 0.95 * peak, 1.5 * peak);
}

double alpha_of(const std::optional<PowerLawFit>& fit) {
    return fit ? fit->alpha : kUndefined;
}

double log10_or_undefined(double value) {
    return value > 0 ? std::log10(value) : kUndefined;
}

/// Shannon entropy of λ/Σλ relative to that of N equal eigenvalues.
double relative_entropy(std::span<const double> eigenvalues, double sum) {
    if (eigenvalues.size() < 2 || !(sum > 0)) {
        return kUndefined;
    }
    double entropy = 0;
    for (const double value : eigenvalues) {
        if (value > 0) {
            const double share = value / sum;
            entropy -= share * std::log(share);
        }
    }
    return entropy / std::log(static_cast<double>(eigenvalues.size()));
}

void add_exponents(ShapeMetrics& metrics, std::span<const double> eigenvalues) {
    const TailFits fits(eigenvalues);
    metrics[Metric::alpha_mid] = fits.alpha(eigenvalues.size() / 2);
    metrics[Metric::alpha_ks] = alpha_of(fits.best(0, eigenvalues.size()));
    if (const auto peak = histogram_peak(eigenvalues)) {
        metrics[Metric::alpha_peak] = alpha_of(published_fit(fits, eigenvalues, *peak));
        metrics[Metric::alpha_fix_finger] = alpha_of(finger_fit(fits, eigenvalues, *peak));
    }
}

void add_norms(ShapeMetrics& metrics, std::span<const double> eigenvalues) {
    double sum = 0;
    for (const double value : eigenvalues) {
        sum += value;
    }
    const double largest = eigenvalues.back();
    metrics[Metric::spectral_norm] = largest;
    metrics[Metric::frobenius_sq] = sum;
    metrics[Metric::stable_rank] = largest > 0 ? sum / largest : kUndefined;
    metrics[Metric::entropy] = relative_entropy(eigenvalues, sum);
    metrics[Metric::log_norm] = log10_or_undefined(sum);
    metrics[Metric::log_spectral_norm] = log10_or_undefined(largest);
    metrics[Metric::alpha_hat] = metrics[Metric::alpha_peak] * metrics[Metric::log_spectral_norm];
}

}  // namespace

std::string_view name_of(Metric metric) {
    return kNames[static_cast<std::size_t>(metric)];
}

std::optional<Metric> metric_named(std::string_view name) {
    const auto found = std::ranges::find(kNames, name);
    return found == kNames.end() ? std::nullopt
                                 : std::optional(static_cast<Metric>(found - kNames.begin()));
}

ShapeMetrics shape_metrics(std::span<const double> eigenvalues) {
    assert(std::ranges::is_sorted(eigenvalues));
    ShapeMetrics metrics;
    metrics.values.fill(kUndefined);
    if (!eigenvalues.empty()) {
        add_exponents(metrics, eigenvalues);
        add_norms(metrics, eigenvalues);
    }
    return metrics;
}

ShapeMetrics without_small_eigenvalues(ShapeMetrics metrics) {
    for (const Metric metric : {Metric::alpha_peak, Metric::alpha_fix_finger, Metric::alpha_ks,
                                Metric::alpha_hat, Metric::entropy}) {
        metrics[metric] = kUndefined;
    }
    return metrics;
}

double alpha_peak(std::span<const double> eigenvalues) {
    assert(std::ranges::is_sorted(eigenvalues));
    const auto peak = histogram_peak(eigenvalues);
    return peak ? alpha_of(published_fit(TailFits(eigenvalues), eigenvalues, *peak)) : kUndefined;
}

std::optional<PowerLawFit> fit_of(Metric metric, std::span<const double> eigenvalues) {
    assert(std::ranges::is_sorted(eigenvalues));
    const TailFits fits(eigenvalues);
    if (metric == Metric::alpha_mid) {
        const std::size_t middle = eigenvalues.size() / 2;
        return fits.best(middle, std::min(middle + 1, eigenvalues.size()));
    }
    if (metric == Metric::alpha_ks) {
        return fits.best(0, eigenvalues.size());
    }
    const auto peak = histogram_peak(eigenvalues);
    if (!peak || (metric != Metric::alpha_peak && metric != Metric::alpha_fix_finger)) {
        return std::nullopt;
    }
    return metric == Metric::alpha_peak ? published_fit(fits, eigenvalues, *peak)
                                        : finger_fit(fits, eigenvalues, *peak);
}

bool has_fit(Metric metric) {
    return metric == Metric::alpha_peak || metric == Metric::alpha_mid ||
           metric == Metric::alpha_fix_finger || metric == Metric::alpha_ks;
}

double rounded(double value) {
    if (!std::isfinite(value)) {
        return value;
    }
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                   std::chars_format::scientific, 9)
                         .ptr;
    double result = 0;
    const auto read = std::from_chars(digits.data(), end, result);
    return read.ec == std::errc{} ? result : value;  // the largest doubles would round to infinity
}

ShapeMetrics rounded(const ShapeMetrics& metrics) {
    ShapeMetrics result;
    std::ranges::transform(metrics.values, result.values.begin(),
                           [](double value) { return rounded(value); });
    return result;
}

}  // namespace alphaprune::spectrum
