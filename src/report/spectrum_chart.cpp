#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "report_parts.hpp"

namespace alphaprune::report {
namespace {

// The small charts are drawn on whole numbers: their view is kBinWidth a bin wide.
constexpr int kBinWidth = 4;
constexpr int kSmallHeight = 90;

/// Height over the ground of the small chart of `count` eigenvalues in a bin; a single one is seen.
double small_height(double count, double most) {
    const double decades = std::log10(2 * std::max(most, 1.0));
    return kSmallHeight * std::log10(2 * count) / decades;
}

/// The outline of the histogram; neighbors of the same height share a stroke.
std::string outline(const std::vector<std::int64_t>& counts, double most) {
    std::string path = fmt::format("M0 {}", kSmallHeight);
    int current = kSmallHeight;
    int run = 0;
    const auto close_run = [&] {
        if (run > 0) {
            path += fmt::format("h{}", run);
        }
        run = 0;
    };
    for (const std::int64_t count : counts) {
        const double height = count > 0 ? small_height(static_cast<double>(count), most) : 0;
        const int y = kSmallHeight - static_cast<int>(std::lround(height));
        if (y != current) {
            close_run();
            path += fmt::format("V{}", y);
            current = y;
        }
        run += kBinWidth;
    }
    close_run();
    return path + fmt::format("V{}z", kSmallHeight);
}

/// The upper half of a spectrum, over which alpha_mid is fitted.
struct Tail {
    double count = 0;        ///< eigenvalues in it; 0 when the picture does not show them all
    double log10_start = 0;  ///< log10 of the smallest of them, within its bin
};

double bin_width(const SpectrumPicture& picture) {
    return (picture.log10_max - picture.log10_min) / static_cast<double>(picture.counts.size());
}

Tail upper_half(const SpectrumPicture& picture, std::int64_t eigenvalues) {
    const std::int64_t wanted = eigenvalues - eigenvalues / 2;
    std::int64_t above = 0;
    for (std::size_t bin = picture.counts.size(); bin-- > 0;) {
        const std::int64_t here = picture.counts[bin];
        if (above + here >= wanted && here > 0) {
            const double share = static_cast<double>(wanted - above) / static_cast<double>(here);
            return {
                static_cast<double>(wanted),
                picture.log10_min + (static_cast<double>(bin) + 1 - share) * bin_width(picture)};
        }
        above += here;
    }
    return {};
}

/// How many eigenvalues of the tail a bin at log10 λ = x would hold under the fitted law: density
/// (α−1)/λ₀·(λ/λ₀)^−α, times the bin's width in λ.
double expected_count(const Tail& tail, double bin, double alpha, double x) {
    return tail.count * (alpha - 1) * std::numbers::ln10 * bin *
           std::pow(10.0, (1 - alpha) * (x - tail.log10_start));
}

/// The fitted law is a straight line on these axes, drawn until it falls to half an eigenvalue.
std::string fit_line(const SpectrumPicture& picture, const Tail& tail, double alpha, double most) {
    const double bin = bin_width(picture);
    const double begin = tail.log10_start;
    const double at_begin = expected_count(tail, bin, alpha, begin);
    if (!(alpha > 1) || !(at_begin > 0.5)) {
        return {};
    }
    const double end = std::min(picture.log10_max, begin + std::log10(2 * at_begin) / (alpha - 1));
    const auto x_of = [&](double x) { return (x - picture.log10_min) / bin * kBinWidth; };
    const auto y_of = [&](double x) {
        return kSmallHeight - small_height(expected_count(tail, bin, alpha, x), most);
    };
    return fmt::format("<path class=\"line\" d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\"/>", x_of(begin),
                       y_of(begin), x_of(end), y_of(end));
}

}  // namespace

SpectrumPicture picture_of(std::vector<double> ascending, int bins) {
    const auto positive = std::ranges::find_if(ascending, [](double value) { return value > 0; });
    SpectrumPicture picture;
    if (positive == ascending.end() || bins < 1) {
        return picture;
    }
    picture.log10_min = std::log10(*positive);
    picture.log10_max = std::log10(ascending.back());
    if (picture.log10_max - picture.log10_min < 1e-6) {  // one value: half a decade around it
        picture.log10_min -= 0.25;
        picture.log10_max += 0.25;
    }
    picture.counts.assign(static_cast<std::size_t>(bins), 0);
    const double bins_per_decade = bins / (picture.log10_max - picture.log10_min);
    for (auto value = positive; value != ascending.end(); ++value) {
        const double at = (std::log10(*value) - picture.log10_min) * bins_per_decade;
        picture.counts[static_cast<std::size_t>(std::clamp(at, 0.0, bins - 1.0))] += 1;
    }
    return picture;
}

std::string spectrum_chart(const SpectrumPicture& picture, std::int64_t eigenvalues,
                           double alpha_mid) {
    if (picture.counts.empty() || std::ranges::max(picture.counts) == 0) {
        return {};
    }
    const auto most = static_cast<double>(std::ranges::max(picture.counts));
    const int width = kBinWidth * static_cast<int>(picture.counts.size());
    return fmt::format(
        "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"histogram\"><path class=\"bar\" "
        "d=\"{}\"/>{}</svg>",
        width, kSmallHeight, outline(picture.counts, most),
        std::isfinite(alpha_mid)
            ? fit_line(picture, upper_half(picture, eigenvalues), alpha_mid, most)
            : "");
}

}  // namespace alphaprune::report
