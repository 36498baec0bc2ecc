#include "page/axes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace alphaprune::report {
namespace {

constexpr double kTooLarge = 1e300;  // of which differences may be no numbers any more

/// The least of 1, 2 and 5 times a power of ten that is not less than a length.
double round_step(double length) {
    const double power = std::pow(10.0, std::floor(std::log10(length)));
    for (const double factor : {1.0, 2.0, 5.0}) {
        if (factor * power >= length * (1 - 1e-9)) {
            return factor * power;
        }
    }
    return 10 * power;
}

/// Decimals that tell multiples of a step apart.
std::string tick_text(double value, double step) {
    if (std::fabs(value) >= 1e5 || step < 1e-4) {
        return fmt::format("{:.3g}", value);
    }
    const int decimals = std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 4);
    return fmt::format("{:.{}f}", value, decimals);
}

}  // namespace

double Axis::at(double value) const {
    const double share = std::clamp((value - low) / (high - low), 0.0, 1.0);
    return begin + (std::isfinite(share) ? share : 0.0) * (end - begin);
}

Axis axis_around(std::span<const double> values, double begin, double end) {
    double low = INFINITY;
    double high = -INFINITY;
    for (const double value : values) {
        if (std::fabs(value) < kTooLarge) {
            low = std::min(low, value);
            high = std::max(high, value);
        }
    }
    if (low > high) {
        return {0, 1, begin, end};
    }
    const double air = high > low ? 0.08 * (high - low) : std::max(0.1 * std::fabs(high), 1e-6);
    return {low - air, high + air, begin, end};
}

std::vector<Tick> round_ticks(const Axis& axis, int about) {
    const double length = axis.high - axis.low;
    if (!(length > 0) || !std::isfinite(length) || about < 1) {
        return {};
    }
    const double step = round_step(length / about);
    const double first = std::ceil(axis.low / step - 1e-9);
    const double last = std::floor(axis.high / step + 1e-9);
    std::vector<Tick> ticks;
    for (int i = 0; first + i <= last && i < 20; ++i) {
        const double value = (first + i) * step;
        ticks.push_back({value, tick_text(value == 0 ? 0.0 : value, step)});
    }
    return ticks;
}

std::string power_of_ten(int exponent) {
    constexpr std::array<const char*, 10> kDigits{"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    std::string text = exponent < 0 ? "10⁻" : "10";
    for (const char digit : std::to_string(std::abs(exponent))) {
        text += kDigits[static_cast<std::size_t>(digit - '0')];
    }
    return text;
}

/// Where even those are too few: round numbers; as it was where the numbers are too large.
static std::vector<Tick> ticks_of_numbers(const Axis& axis, std::vector<Tick> otherwise) {
    std::vector<Tick> ticks =
        round_ticks({std::pow(10.0, axis.low), std::pow(10.0, axis.high), 0, 1}, 7);
    std::erase_if(ticks, [](const Tick& tick) { return tick.value <= 0; });
    for (Tick& tick : ticks) {
        tick.value = std::log10(tick.value);
    }
    return ticks.size() > otherwise.size() ? ticks : otherwise;
}

/// Where powers of ten are too few: twice and five times them as well.
static std::vector<Tick> few_decades(const Axis& axis) {
    std::vector<Tick> ticks;
    for (int power = 0; power <= 3; ++power) {
        for (const double factor : {1.0, 2.0, 5.0}) {
            const double exponent = std::floor(axis.low) + power;
            const double value = exponent + std::log10(factor);
            if (value >= axis.low && value <= axis.high) {
                ticks.push_back(
                    {value,
                     std::fabs(exponent) <= 3
                         ? fmt::format("{:.4g}", std::pow(10.0, exponent) * factor)
                         : fmt::format("{}·{}", factor, power_of_ten(static_cast<int>(exponent)))});
            }
        }
    }
    constexpr std::size_t kFewest = 3;
    return ticks.size() < kFewest ? ticks_of_numbers(axis, std::move(ticks)) : ticks;
}

std::vector<Tick> decade_ticks(const Axis& axis, int most) {
    const double first = std::ceil(axis.low - 1e-9);
    const double last = std::floor(axis.high + 1e-9);
    if (last - first < 2) {
        return few_decades(axis);
    }
    const double step = std::max(1.0, std::ceil((last - first + 1) / most));
    std::vector<Tick> ticks;
    for (int i = 0; first + i * step <= last && i < most; ++i) {
        const double value = first + i * step;
        ticks.push_back({value, power_of_ten(static_cast<int>(value))});
    }
    return ticks;
}

std::string left_axis(const PlotFrame& frame, const std::vector<Tick>& ticks,
                      std::string_view title) {
    std::string grid;
    std::string text;
    for (const Tick& tick : ticks) {
        const double y = frame.y.at(tick.value);
        grid += fmt::format("M{:.0f} {:.1f}H{:.0f}", frame.x.begin, y, frame.x.end);
        text += fmt::format("<text class=\"e\" x=\"{:.0f}\" y=\"{:.0f}\">{}</text>",
                            frame.x.begin - 6, y + 4, tick.text);
    }
    return fmt::format(
        "<path class=\"grid\" d=\"{}\"/>{}<text class=\"m t\" transform=\"translate({:.0f} "
        "{:.0f})rotate(-90)\">{}</text>",
        grid, text, std::max(frame.x.begin - 50, 12.0), (frame.y.begin + frame.y.end) / 2, title);
}

std::string bottom_axis(const PlotFrame& frame, const std::vector<Tick>& ticks,
                        std::string_view title) {
    std::string text;
    std::string marks =
        fmt::format("M{:.0f} {:.0f}H{:.0f}", frame.x.begin, frame.y.begin, frame.x.end);
    for (const Tick& tick : ticks) {
        const double x = frame.x.at(tick.value);
        marks += fmt::format("M{:.1f} {:.0f}v4", x, frame.y.begin);
        text += fmt::format("<text class=\"m\" x=\"{:.0f}\" y=\"{:.0f}\">{}</text>", x,
                            frame.y.begin + 16, tick.text);
    }
    return fmt::format(
        "<path class=\"axis\" d=\"{}\"/>{}<text class=\"m t\" x=\"{:.0f}\" y=\"{:.0f}\">{}</text>",
        marks, text, (frame.x.begin + frame.x.end) / 2, frame.y.begin + 33, title);
}

std::string svg_picture(std::string_view css_class, double width, double height,
                        std::string_view label, const std::string& marks) {
    return fmt::format(
        "<svg class=\"{0}\" width=\"{1:.0f}\" viewBox=\"0 0 {1:.0f} {2:.0f}\" role=\"img\" "
        "aria-label=\"{3}\">{4}</svg>",
        css_class, width, height, label, marks);
}

}  // namespace alphaprune::report
