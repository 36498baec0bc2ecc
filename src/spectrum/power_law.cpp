#include "alphaprune/spectrum/power_law.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <tuple>

namespace alphaprune {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
constexpr double kNoLimit = std::numeric_limits<double>::infinity();
constexpr std::size_t kSamples = 64;  // points of a tail that give the first bound on its distance

/// ln λ; minus infinity where λ is not positive.
std::vector<double> logarithms(std::span<const double> values) {
    std::vector<double> logs;
    logs.reserve(values.size());
    for (const double value : values) {
        logs.push_back(value > 0 ? std::log(value) : -std::numeric_limits<double>::infinity());
    }
    return logs;
}

/// E(i) = Σ_{j>=i} (ln λ_j − ln λ_i) for every i, from the end:
/// E(i) = E(i+1) + (N−1−i)·(ln λ_{i+1} − ln λ_i). No term is negative, so nothing cancels.
std::vector<double> log_excesses(std::span<const double> logs) {
    std::vector<double> excesses(logs.size(), 0.0);
    for (std::size_t after = logs.size(); after-- > 1;) {
        const auto tail = static_cast<double>(logs.size() - after);
        excesses[after - 1] = excesses[after] + tail * (logs[after] - logs[after - 1]);
    }
    return excesses;
}

double hill(std::size_t tail, double excess) {
    return excess > 0 && std::isfinite(excess) ? 1 + static_cast<double>(tail) / excess
                                               : kUndefined;
}

/// The largest deviation of the empirical from the fitted distribution over every `step`-th point
/// of the tail; once it exceeds `limit`, any value above that.
double largest_deviation(std::span<const double> logs, std::size_t start, double alpha,
                         std::size_t step, double limit = kNoLimit) {
    const auto tail = static_cast<double>(logs.size() - start);
    double largest = 0;
    for (std::size_t j = start; j < logs.size() && largest <= limit; j += step) {
        const double fitted = 1 - std::exp((1 - alpha) * (logs[j] - logs[start]));
        const double counted = static_cast<double>(j - start) / tail;
        largest = std::max(largest, std::abs(fitted - counted));
    }
    return largest;
}

bool is_closer(const PowerLawFit& a, const PowerLawFit& b) {
    return std::tie(a.distance, a.start) < std::tie(b.distance, b.start);
}

/// A fit for each candidate start, with a lower bound of its distance; the least bound first.
std::vector<PowerLawFit> bounded_fits(std::span<const double> logs, std::size_t first,
                                      std::size_t last) {
    const std::vector<double> excesses = log_excesses(logs);
    std::vector<PowerLawFit> fits;
    for (std::size_t start = first; start < last; ++start) {
        const std::size_t tail = logs.size() - start;
        const double alpha = hill(tail, excesses[start]);
        if (std::isfinite(alpha) && alpha > 1) {
            const std::size_t step = std::max<std::size_t>(1, tail / kSamples);
            fits.push_back({start, alpha, largest_deviation(logs, start, alpha, step)});
        }
    }
    std::ranges::sort(fits, is_closer);
    return fits;
}

}  // namespace

double hill_alpha(std::span<const double> ascending, std::size_t start) {
    if (start >= ascending.size()) {
        return kUndefined;
    }
    const std::vector<double> logs = logarithms(ascending.subspan(start));
    return hill(logs.size(), log_excesses(logs).front());
}

double ks_distance(std::span<const double> ascending, std::size_t start, double alpha) {
    if (start >= ascending.size() || !(ascending[start] > 0)) {
        return kUndefined;
    }
    return largest_deviation(logarithms(ascending.subspan(start)), 0, alpha, 1);
}

std::optional<PowerLawFit> best_fit(std::span<const double> ascending, std::size_t first,
                                    std::size_t last) {
    assert(std::ranges::is_sorted(ascending));
    const std::vector<double> logs = logarithms(ascending);
    std::optional<PowerLawFit> best;
    // The full distance costs N exponentials. With the most promising candidates first, a few of
    // them are enough: the rest have lower bounds above the best distance.
    for (PowerLawFit fit : bounded_fits(logs, first, std::min(last, logs.size()))) {
        if (best && fit.distance > best->distance) {
            break;
        }
        fit.distance =
            largest_deviation(logs, fit.start, fit.alpha, 1, best ? best->distance : kNoLimit);
        if (!best || is_closer(fit, *best)) {
            best = fit;
        }
    }
    return best;
}

}  // namespace alphaprune
