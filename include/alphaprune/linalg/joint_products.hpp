#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "alphaprune/linalg/far_memory.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/parallel/share.hpp"

namespace alphaprune::linalg {

/// Σ x xᵀ over vectors x that all ranks bring, and Σ y xᵀ for other vectors y that come with them.
/// Each node holds the sums once, in float64 in its shared memory, and its ranks share the work on
/// the vectors of all of them.
///
/// The bits of the sums do not depend on the number of ranks or nodes: the vectors of one call are
/// multiplied in pieces of fixed size, in float32, and each product is rounded to a multiple of a
/// power of two, so that float64 adds them without rounding, in whatever order. The powers follow
/// from the first vectors in the order of the ranks, whenever those come, and are 2⁻³⁶ of an
/// element's size there, or of a typical one's where it is zero; sums of up to 2¹⁷ times that size
/// are exact, larger ones merely as good as float64 is. Where the first vectors are few, as an
/// expert's tokens may be, and an element is small by chance, typical ones count beside them.
class JointProducts {
  public:
    /// Vectors of a rank that are multiplied at a time. Part of the result: each piece is rounded.
    /// Who brings several pieces of what one call could bring adds the same, if the earlier pieces
    /// are those of earlier ranks.
    static constexpr std::int64_t kPiece = 512;

    /// Collective. Ranks and nodes outlive the object.
    /// @param order       size of x
    /// @param companions  size of each y
    /// @param vectors     where the ranks of a node show each other what they add: at least
    ///                    vectors_size() values, which others may use between two calls; nullptr:
    ///                    memory of its own
    /// @throws Error (failure) on all ranks when there is not enough memory
    JointProducts(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                  std::int64_t order, std::span<const std::int64_t> companions,
                  std::shared_ptr<parallel::NodeArray<float>> vectors = nullptr);

    /// Collective: finished sums of what each rank has added up far from its processor. Those are
    /// rounded, in an order that follows from the ranks: their bits depend on the numbers of ranks
    /// and nodes.
    /// @param own  this rank's; nullptr: it has had no vectors
    /// @throws Error (failure) on all ranks when there is not enough memory, and those of `own`
    JointProducts(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                  std::int64_t order, std::span<const std::int64_t> companions, FarSums* own);

    /// Collective: adds this rank's vectors; a rank may have none. All that comes to a rank stands
    /// before what comes to the next one. They are copied and wait until rank 0 has some, if ever.
    /// @param vectors  x and each y: count × size, row-major
    void add(std::span<const std::span<const float>> vectors, std::int64_t count);
    /// Collective: ends adding.
    void finish();

    // After finish():
    /// Collective: adds that many times the sums of another one, of the same sizes.
    void blend(const JointProducts& other, double times);
    /// Collective: Σ x xᵀ gets that much more on its diagonal.
    void add_to_diagonal(double value);

    // In the memory of the node, row-major:
    std::int64_t order() const { return parts_.front().height; }
    /// Σ x xᵀ, order × order.
    std::span<const double> gram() const { return sums_of(parts_.front()); }
    /// Σ y xᵀ, size of y × order.
    std::span<const double> cross(std::size_t companion) const {
        return sums_of(parts_[companion + 1]);
    }

    /// Bytes of shared memory that the sums take on a node.
    static std::uint64_t node_memory(std::int64_t order, std::span<const std::int64_t> companions);
    /// Bytes of each thread beside them.
    static std::uint64_t thread_memory(std::int64_t order);
    /// Tiles of the sums, which the threads of a node's ranks share.
    static std::int64_t tiles(std::int64_t order, std::span<const std::int64_t> companions);
    /// Values in which a node of so many ranks shows its vectors.
    static std::int64_t vectors_size(int node_ranks, std::int64_t order,
                                     std::span<const std::int64_t> companions);

  private:
    /// x or one of the y.
    struct Part {
        std::int64_t height = 0;     ///< its size
        std::int64_t first_row = 0;  ///< of its sums among all
    };
    /// A rectangle of the sums.
    struct Tile {
        const Part* part;
        parallel::RowRange rows;  ///< of the part
        parallel::RowRange cols;
    };

    /// Vectors of one call of add().
    struct Waiting {
        std::vector<std::vector<float>> vectors;
        std::int64_t count = 0;
    };

    void wait(std::span<const std::span<const float>> vectors, std::int64_t count);
    void choose_from_waiting();
    void add_waiting();
    void choose_units(std::span<const std::span<const float>> vectors, std::int64_t count,
                      int first_rank);
    void add_all(std::span<const std::span<const float>> vectors, std::int64_t count);
    void add_piece(std::span<const std::span<const float>> vectors, parallel::RowRange piece);
    void add_products(const Tile& tile, std::span<const std::int64_t> counts,
                      std::span<float> product);
    void round_and_add(const Tile& tile, std::span<const float> product);
    void add_far(FarSums& own, parallel::RowRange rows);
    void sum_over_nodes();
    void mirror();
    std::vector<Tile> own_tiles() const;
    std::int64_t height() const { return parts_.back().first_row + parts_.back().height; }
    /// Where a rank's vectors of a part are while they are added.
    float* vectors_of(int node_rank, const Part& part);
    std::span<const double> sums_of(const Part& part) const {
        return sums_->values().subspan(static_cast<std::size_t>(part.first_row * order()),
                                       static_cast<std::size_t>(part.height * order()));
    }

    const parallel::Communicator& ranks_;
    const parallel::NodeMap& nodes_;
    std::vector<Part> parts_;
    std::vector<double> units_;     ///< of each row of all parts; empty until the first have come
    std::vector<Waiting> waiting_;  ///< until then
    std::size_t product_size_ = 0;
    std::vector<float> products_;  ///< of a tile, for each thread
    std::optional<parallel::NodeArray<double>> sums_;
    std::shared_ptr<parallel::NodeArray<float>> vectors_;  ///< until finish()
};

}  // namespace alphaprune::linalg
