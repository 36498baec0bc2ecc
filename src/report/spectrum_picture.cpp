#include <algorithm>
#include <cmath>

#include "alphaprune/report/html_report.hpp"

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

}  // namespace alphaprune::report
