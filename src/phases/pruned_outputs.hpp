#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/phases/prune_phase.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "alphaprune/transformer/block_runner.hpp"

namespace alphaprune::phases {

// What becomes of the outputs of a matrix once they are pruned in the memory of a block.

/// Rounds rows to the type in which their tensor is stored.
/// @throws Error naming the tensor, the rows being rounded all the same: what a pruner makes of the
///         weights that stay may be too large for float16
void round_to_stored(const parallel::ThreadPool& threads, const model::Catalogue& catalogue,
                     const model::TensorInfo& tensor, std::span<float> rows);

/// Whether weights are pruned where the rows are, far from the processor, in their stored type.
bool prunes_where_rows_are(const transformer::BlockRunner& runner, const PruneRequest& request);
/// If so, SiteMatrix::drop or SiteMatrix::far for these rows of a matrix of the loaded block.
/// @param runner, catalogue  outlive the matrix
void prune_there(pruning::SiteMatrix& pruned, transformer::BlockRunner& runner,
                 const PruneRequest& request, const model::Catalogue& catalogue, int matrix,
                 parallel::RowRange outputs);

/// Brings the outputs of matrices, which are shared out over all ranks, to all nodes: in the type
/// in which they are stored, since they have been rounded to it, through memory of each node that
/// takes some rows of every rank at a time.
class OutputExchange {
  public:
    /// Collective. @param ranks, nodes, catalogue  outlive the object
    /// @param room_bytes  that travel at a time, about
    OutputExchange(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                   const model::Catalogue& catalogue, std::int64_t room_bytes = kRoomBytes);

    /// Collective: each node has the outputs of its own ranks before, and all of them after.
    /// @param matrix  index into Catalogue::matrices
    /// @throws Error on all ranks when a node lacks the memory
    void share(transformer::BlockRunner& runner, int matrix);

  private:
    static constexpr std::int64_t kRoomBytes = std::int64_t{16} << 20;

    /// Some columns of some rows of each rank.
    struct Piece {
        std::int64_t first_row = 0;  ///< of a rank's
        std::int64_t rows = 0;
        parallel::RowRange cols;
    };
    void share_piece(transformer::BlockRunner& runner, int matrix, const Piece& piece);
    /// The rows of a matrix that belong to a rank and a piece.
    parallel::RowRange rows_of(int matrix, int rank, const Piece& piece) const;
    std::span<std::byte> room_for(std::int64_t bytes);

    const parallel::Communicator& ranks_;
    const parallel::NodeMap& nodes_;
    const model::Catalogue& catalogue_;
    std::int64_t room_bytes_;
    std::vector<int> order_;  ///< all ranks, node by node
    std::optional<parallel::NodeArray<float>> room_;
};

}  // namespace alphaprune::phases
