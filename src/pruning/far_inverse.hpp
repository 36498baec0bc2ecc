#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/linalg/far_lane.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "site_statistics.hpp"

namespace alphaprune::pruning {

/// DampedInverse far from the processor, where each rank has a whole one.
class FarInverse {
  public:
    /// Collective. @param statistics  finished, far @param scale  of its sums in H
    /// @param damping, where, throws  as DampedInverse has them; Error on all ranks where the
    /// memory there does not suffice
    FarInverse(const parallel::Communicator& ranks, SiteStatistics& statistics, double scale,
               double damping, const std::string& where);

    std::int64_t order() const { return order_; }
    double damping() const { return damping_; }
    /// 1 for inputs that were zero throughout.
    const std::vector<std::uint8_t>& dead_inputs() const { return dead_; }
    /// U, zero below the diagonal, from a row and column on.
    const float* from(std::int64_t row, std::int64_t col) const {
        return values_ + row * order_ + col;
    }

  private:
    std::int64_t order_;
    std::vector<std::uint8_t> dead_;
    double damping_;
    linalg::FarBuffer memory_;
    const float* values_ = nullptr;
};

}  // namespace alphaprune::pruning
