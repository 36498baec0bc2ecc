#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "alphaprune/linalg/far_lane.hpp"
#include "alphaprune/linalg/matrix_source.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/node.hpp"

// Vectors in memory that is far from the processor, as that of a graphics card is. Spans that are
// said to be there are not for the processor to look into. Functions throw Error (failure).

namespace alphaprune::linalg {

/// Σ x xᵀ over vectors x that are there, and Σ y xᵀ for other vectors y that come with them, made
/// there. In float32 over few calls of add(), in float64 over all of them; the same bits for the
/// same calls.
class FarSums {
  public:
    virtual ~FarSums() = default;

    /// @param vectors  x and each y: count × size, row-major, there
    virtual void add(std::span<const std::span<const float>> vectors, std::int64_t count) = 0;
    // All sums lie one below the other, in rows of the size of x: first those of Σ x xᵀ, of which
    // what is at and above the diagonal counts, then those of each Σ y xᵀ.
    virtual std::int64_t height() const = 0;
    /// Brings a part of them to the processor. @param out  row after row
    virtual void take(const Rectangle& part, std::span<double> out) = 0;
    /// All of them where they are, in float64; nothing is added any more.
    virtual std::span<double> finished() = 0;
    /// Replaces a part of them by values from the processor.
    virtual void put(const Rectangle& part, std::span<const double> values) = 0;
};

/// Room for what is made of vectors there. What a room has stays until it is made anew.
enum class FarRoom { difference, drift, present_rows, dense_rows };
inline constexpr std::size_t kFarRooms = 4;

class FarMemory {
  public:
    virtual ~FarMemory() = default;

    /// What works there. Unlike the functions here it throws device::CardError.
    virtual FarLane& lane() = 0;
    /// Zero as yet. The memory outlives them.
    /// @param order       size of x
    /// @param companions  size of each y
    virtual std::unique_ptr<FarSums> make_sums(std::int64_t order,
                                               std::span<const std::int64_t> companions) = 0;
    /// Collective: the sums of each rank become those of all of them, the same bits on each: there,
    /// where the ranks form a group, else by way of the nodes (NodeSums). Nothing is added to them
    /// any more.
    /// @param ranks, nodes  always the same
    /// @param order         size of x
    /// @throws Error (failure) on all ranks
    virtual void add_up(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                        FarSums& own, std::int64_t order) = 0;
    /// factor·(one − other). @pre neither is in that room
    virtual std::span<const float> difference(FarRoom room, std::span<const float> one,
                                              std::span<const float> other, float factor) = 0;
    /// Some rows of vectors, one after another.
    /// @param vectors  count × size, there, not in that room
    /// @param rows     which
    virtual std::span<const float> gather(FarRoom room, std::span<const float> vectors,
                                          std::int64_t size,
                                          std::span<const std::int32_t> rows) = 0;
};

}  // namespace alphaprune::linalg
