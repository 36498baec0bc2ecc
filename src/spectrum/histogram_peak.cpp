#include "histogram_peak.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace alphaprune::spectrum {
namespace {

constexpr std::size_t kBins = 100;

}  // namespace

std::optional<double> histogram_peak(std::span<const double> ascending) {
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

}  // namespace alphaprune::spectrum
