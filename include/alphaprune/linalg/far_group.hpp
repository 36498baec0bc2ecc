#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace alphaprune::linalg {

/// By which lanes of several ranks find each other.
using FarGroupKey = std::array<std::byte, 128>;

/// A rank's part in a group of lanes (FarLane) that reach each other without the processors, as
/// cards of a node do.
class FarGroup {
  public:
    virtual ~FarGroup() = default;

    /// Collective, after what was asked of the lanes before; waits. values ← their sums over all
    /// lanes, the same bits in each of them.
    /// @throws device::CardError also where another does not come within minutes
    virtual void sum(double* values, std::int64_t count) = 0;
};

}  // namespace alphaprune::linalg
