#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "alphaprune/linalg/far_lane.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/share.hpp"

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
    /// Brings some rows to the processor.
    /// @param rows  of all sums, one below the other: first those of Σ x xᵀ, of which what is at
    /// and
    ///              above the diagonal counts, then those of each Σ y xᵀ
    /// @param out   rows × size of x
    virtual void take(parallel::RowRange rows, std::span<double> out) = 0;
    /// All of these rows where they are, in float64; nothing is added any more.
    virtual std::span<const double> finished() = 0;
    /// Replaces some of the rows by others from the processor.
    virtual void put(parallel::RowRange rows, std::span<const double> values) = 0;
    /// Collective over the ranks of FarMemory::can_add_up(): each has the sums of all of them then,
    /// the same bits. Nothing is added any more.
    virtual void add_up() = 0;
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
    /// Collective: whether what several ranks have added up there can be added up there, too. The
    /// same on all ranks, whenever it is asked.
    /// @param ranks  always the same
    virtual bool can_add_up(const parallel::Communicator& ranks) = 0;
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
