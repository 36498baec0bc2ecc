#include "tail_deviation.hpp"

#include <algorithm>
#include <utility>

namespace alphaprune::spectrum {
namespace {

/// What rounding can add to a deviation beyond its bound: the fitted distribution is monotone up to
/// a few units in the last place of 1.
constexpr double kRounding = 1e-14;
/// So short a stretch is searched place by place.
constexpr std::size_t kShort = 4;
/// Places evaluated before anything is skipped.
constexpr std::size_t kFirstPlaces = 8;

}  // namespace

/// One search for the largest deviation of a tail.
class TailDeviation::Search {
  public:
    Search(const TailDeviation& tail, double limit, std::vector<Stretch>& pending)
        : tail_(tail), limit_(limit), pending_(pending) {}

    Largest run() {
        pending_.clear();
        look_at_first_places();
        std::ranges::sort(pending_, {}, &Stretch::bound);
        while (!pending_.empty() && !decided()) {
            const Stretch stretch = pending_.back();
            pending_.pop_back();
            if (stretch.bound > largest_.deviation) {
                divide(stretch);
            }
        }
        return largest_;
    }

  private:
    bool decided() const { return largest_.deviation > limit_; }

    /// Deviation at a place; returns the fitted distribution there.
    double look_at(std::size_t place) {
        const double fitted = tail_.fitted(place);
        const double deviation = std::abs(fitted - tail_.counted(place));
        if (deviation > largest_.deviation) {
            largest_ = {deviation, place};
        }
        return fitted;
    }

    void look_at_first_places() {
        const std::size_t last = tail_.logs_.size() - 1;
        const std::size_t step = std::max<std::size_t>(1, (last - tail_.start_) / kFirstPlaces);
        std::size_t begin = tail_.start_;
        double fitted_begin = look_at(begin);
        while (begin < last && !decided()) {
            const std::size_t end = last - begin < 2 * step ? last : begin + step;
            const double fitted_end = look_at(end);
            keep({begin, end, fitted_begin, fitted_end, 0});
            begin = end;
            fitted_begin = fitted_end;
        }
    }

    void keep(Stretch stretch) {
        if (stretch.end - stretch.begin < 2) {
            return;
        }
        // Inside, the fitted distribution lies between its values at the ends, the counted one
        // between those at the first and the last place inside.
        stretch.bound = std::max(stretch.fitted_end - tail_.counted(stretch.begin + 1),
                                 tail_.counted(stretch.end - 1) - stretch.fitted_begin) +
                        kRounding;
        if (stretch.bound > largest_.deviation) {
            pending_.push_back(stretch);
        }
    }

    void divide(const Stretch& stretch) {
        if (stretch.end - stretch.begin <= kShort) {
            for (std::size_t place = stretch.begin + 1; place < stretch.end; ++place) {
                look_at(place);
            }
            return;
        }
        const std::size_t middle = stretch.begin + (stretch.end - stretch.begin) / 2;
        const double fitted = look_at(middle);
        const std::size_t before = pending_.size();
        keep({stretch.begin, middle, stretch.fitted_begin, fitted, 0});
        keep({middle, stretch.end, fitted, stretch.fitted_end, 0});
        // The more promising half next.
        if (pending_.size() == before + 2 && pending_[before].bound > pending_[before + 1].bound) {
            std::swap(pending_[before], pending_[before + 1]);
        }
    }

    const TailDeviation& tail_;
    double limit_;
    std::vector<Stretch>& pending_;
    Largest largest_;
};

TailDeviation::Largest TailDeviation::largest(double limit, std::vector<Stretch>& pending) const {
    return Search(*this, limit, pending).run();
}

}  // namespace alphaprune::spectrum
