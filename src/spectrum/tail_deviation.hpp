#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace alphaprune::spectrum {

/// How far the empirical distribution of one tail is from the power law fitted to it, place by
/// place.
///
/// Both distributions rise with the place. Between two places whose deviations are known the
/// deviation is therefore bounded, and whole stretches that cannot contain the largest are
/// skipped: that finds the largest of N, to the bit, from about √N of them.
class TailDeviation {
  public:
    /// @param logs   ln λ of the whole spectrum, ascending; outlives the object
    /// @param start  where the tail begins; λ there is positive
    TailDeviation(std::span<const double> logs, std::size_t start, double alpha)
        : logs_(logs),
          start_(start),
          slope_(1 - alpha),
          tail_(static_cast<double>(logs.size() - start)) {}

    double at(std::size_t place) const { return std::abs(fitted(place) - counted(place)); }

    struct Largest {
        double deviation = 0;
        std::size_t place = 0;
    };
    /// The places between two known ones, and a bound on the deviation there.
    struct Stretch {
        std::size_t begin = 0;
        std::size_t end = 0;
        double fitted_begin = 0;
        double fitted_end = 0;
        double bound = 0;
    };

    /// The largest deviation and its place. As soon as one exceeds `limit` that one is the answer.
    /// @param pending  room for the search, reused from call to call
    Largest largest(double limit, std::vector<Stretch>& pending) const;

  private:
    class Search;

    double fitted(std::size_t place) const {
        return 1 - std::exp(slope_ * (logs_[place] - logs_[start_]));
    }
    double counted(std::size_t place) const { return static_cast<double>(place - start_) / tail_; }

    std::span<const double> logs_;
    std::size_t start_;
    double slope_;
    double tail_;
};

}  // namespace alphaprune::spectrum
