#include <algorithm>
#include <cmath>

#include "alphaprune/report/run_report.hpp"

namespace alphaprune::report {

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

spectrum::Metric fitted_metric(spectrum::Metric shown, bool in_single) {
    return in_single                  ? spectrum::Metric::alpha_mid
           : spectrum::has_fit(shown) ? shown
                                      : spectrum::Metric::alpha_peak;
}

std::optional<LawReport> law_of(std::span<const double> ascending, spectrum::Metric metric) {
    const auto fit = spectrum::fit_of(metric, ascending);
    if (!fit) {
        return std::nullopt;
    }
    return LawReport{std::string(spectrum::name_of(metric)), spectrum::rounded(fit->alpha),
                     spectrum::rounded(ascending[fit->start]),
                     static_cast<std::int64_t>(ascending.size() - fit->start),
                     spectrum::rounded(fit->distance)};
}

}  // namespace alphaprune::report
