#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "page/axes.hpp"
#include "page/markup.hpp"
#include "page/page_parts.hpp"

namespace alphaprune::report {
namespace {

constexpr double kSmallWidth = 340;
constexpr double kSmallHeight = 250;
constexpr double kSmallLeft = 52;
constexpr double kSmallRight = 328;
constexpr double kSmallTop = 12;
constexpr double kSmallBottom = 208;

/// log10 of the density of eigenvalues in every bin, −inf where there are none: the share of all
/// eigenvalues in it over its width in λ.
std::vector<double> log_densities(const SpectrumPicture& picture, double eigenvalues) {
    const double bin =
        (picture.log10_max - picture.log10_min) / static_cast<double>(picture.counts.size());
    std::vector<double> densities;
    for (std::size_t b = 0; b < picture.counts.size(); ++b) {
        const double left = picture.log10_min + static_cast<double>(b) * bin;
        const double log_width = left + std::log10(std::pow(10.0, bin) - 1);
        densities.push_back(std::log10(static_cast<double>(picture.counts[b]) / eigenvalues) -
                            log_width);
    }
    return densities;
}

/// Of a fitted law, log10 of its density at log10 λ = x, as a share of all eigenvalues.
double law_density(const LawReport& law, double eigenvalues, double x) {
    const double start = std::log10(law.lambda_min);
    return std::log10(static_cast<double>(law.tail) / eigenvalues * (law.alpha - 1)) - start -
           law.alpha * (x - start);
}

/// The outline of the histogram, as a line around its area.
std::string histogram_outline(const SpectrumPicture& picture, const std::vector<double>& densities,
                              const PlotFrame& frame) {
    std::string path = fmt::format("M{:.0f} {:.0f}", frame.x.begin, frame.y.begin);
    const double width = (frame.x.end - frame.x.begin) / static_cast<double>(densities.size());
    for (std::size_t b = 0; b < densities.size(); ++b) {
        path += fmt::format("V{:.0f}H{:.1f}",
                            picture.counts[b] > 0 ? frame.y.at(densities[b]) : frame.y.begin,
                            frame.x.begin + width * static_cast<double>(b + 1));
    }
    return path + fmt::format("V{:.0f}z", frame.y.begin);
}

bool can_be_drawn(const LawReport& law) {
    return law.alpha > 1 && law.alpha < 1e6 && law.lambda_min > 0 &&
           std::isfinite(law.lambda_min) && law.tail > 0;
}

/// From the least eigenvalue of the tail on, a straight line on these axes.
std::string law_line(const LawReport& law, double eigenvalues, const PlotFrame& frame) {
    const double start = std::log10(law.lambda_min);
    const double at_start = law_density(law, eigenvalues, start);
    double end = frame.x.high;
    if (law_density(law, eigenvalues, end) < frame.y.low) {
        end = start + (at_start - frame.y.low) / law.alpha;
    }
    const double x = frame.x.at(start);
    return fmt::format(
        "<path class=\"start\" d=\"M{0:.1f} {1:.0f}V{2:.0f}\"/><path class=\"line\" d=\"M{0:.1f} "
        "{3:.1f}L{4:.1f} {5:.1f}\"/><text class=\"{6}\" x=\"{7:.0f}\" y=\"{8:.0f}\">λ_min</text>",
        x, frame.y.begin, frame.y.end, frame.y.at(at_start), frame.x.at(end),
        frame.y.at(law_density(law, eigenvalues, end)), x > 260 ? "e" : "s",
        x > 260 ? x - 4 : x + 4, frame.y.end + 10);
}

}  // namespace

std::string spectrum_chart(const SpectrumPicture& picture, std::int64_t eigenvalues,
                           const std::optional<LawReport>& law, std::string_view name) {
    if (picture.counts.empty() || std::ranges::max(picture.counts) <= 0 || eigenvalues <= 0 ||
        !(picture.log10_max > picture.log10_min)) {
        return {};
    }
    const auto all = static_cast<double>(eigenvalues);
    const std::vector<double> densities = log_densities(picture, all);
    PlotFrame frame{{picture.log10_min, picture.log10_max, kSmallLeft, kSmallRight},
                    axis_around(densities, kSmallBottom, kSmallTop)};
    const bool has_law = law && can_be_drawn(*law);
    std::string marks =
        left_axis(frame, decade_ticks(frame.y, 8), "density p(λ)") +
        bottom_axis(frame, decade_ticks(frame.x, 8), "eigenvalue λ (squared singular value)");
    marks += fmt::format("<path class=\"area\" d=\"{}\"/>",
                         histogram_outline(picture, densities, frame));
    marks += has_law ? law_line(*law, all, frame) : "";
    return svg_picture(
        "small", kSmallWidth, kSmallHeight,
        fmt::format("Spectrum of {}{}", escaped(name),
                    has_law ? fmt::format(": power law of exponent {} from λ = {}",
                                          number_text(law->alpha), number_text(law->lambda_min))
                            : ""),
        marks);
}

std::string law_text(const LawReport& law, std::int64_t eigenvalues) {
    return fmt::format(
        "p(λ) ∝ λ<sup>−{}</sup> from λ<sub>min</sub> = {} on: {} of {} eigenvalues; "
        "Kolmogorov–Smirnov distance {} ({})",
        number_text(law.alpha), number_text(law.lambda_min), with_separators(law.tail),
        with_separators(eigenvalues), number_text(law.distance, 2), escaped(law.metric));
}

}  // namespace alphaprune::report
