#include "alphaprune/spectrum/power_law.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

#include "tail_deviation.hpp"

namespace alphaprune::spectrum {
namespace {

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

bool is_closer(const PowerLawFit& a, const PowerLawFit& b) {
    return std::tie(a.distance, a.start) < std::tie(b.distance, b.start);
}

/// Looks for the candidate of least distance. A candidate is out as soon as one deviation of its
/// tail exceeds the best distance so far; where the last ones failed, the next fail too, mostly.
class Scan {
  public:
    explicit Scan(std::span<const double> logs) : logs_(logs) {}

    void consider(std::size_t start, double alpha) {
        const TailDeviation tail(logs_, start, alpha);
        if (fails_where_others_did(tail, start)) {
            return;
        }
        const double limit = best_ ? best_->distance : std::numeric_limits<double>::infinity();
        const auto largest = tail.largest(limit, pending_);
        remember(largest.place);
        const PowerLawFit fit{start, alpha, largest.deviation};
        if (!best_ || is_closer(fit, *best_)) {
            best_ = fit;
        }
    }
    const std::optional<PowerLawFit>& best() const { return best_; }

  private:
    bool fails_where_others_did(const TailDeviation& tail, std::size_t start) {
        if (!best_) {
            return false;
        }
        for (std::size_t i = 0; i < witnesses_.size(); ++i) {
            if (witnesses_[i] > start && tail.at(witnesses_[i]) > best_->distance) {
                std::swap(witnesses_[0], witnesses_[i]);
                return true;
            }
        }
        return false;
    }
    void remember(std::size_t place) {
        witnesses_[oldest_] = place;
        oldest_ = (oldest_ + 1) % witnesses_.size();
    }

    std::span<const double> logs_;
    std::optional<PowerLawFit> best_;
    std::array<std::size_t, 8> witnesses_{};
    std::size_t oldest_ = 0;
    std::vector<TailDeviation::Stretch> pending_;
};

}  // namespace

TailFits::TailFits(std::span<const double> ascending)
    : logs_(logarithms(ascending)), excesses_(log_excesses(logs_)) {
    assert(std::ranges::is_sorted(logs_));
}

double TailFits::alpha(std::size_t start) const {
    const double excess = start < logs_.size() ? excesses_[start] : 0;
    return excess > 0 && std::isfinite(excess)
               ? 1 + static_cast<double>(logs_.size() - start) / excess
               : std::numeric_limits<double>::quiet_NaN();
}

std::optional<PowerLawFit> TailFits::best(std::size_t first, std::size_t last) const {
    last = std::min(last, logs_.size());
    if (first >= last) {
        return std::nullopt;
    }
    Scan scan(logs_);
    const auto consider = [&](std::size_t start) {
        const double exponent = alpha(start);
        if (std::isfinite(exponent) && exponent > 1) {
            scan.consider(start, exponent);
        }
    };
    // Wide steps first, then the places between: a good fit is known early, and the steps of the
    // many that are left are short.
    consider(first);
    for (std::size_t step = std::bit_floor(last - first); step > 0; step /= 2) {
        for (std::size_t start = first + step; start < last; start += 2 * step) {
            consider(start);
        }
    }
    return scan.best();
}

}  // namespace alphaprune::spectrum
