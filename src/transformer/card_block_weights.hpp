#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "alphaprune/linalg/forward_precision.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/thread_pool.hpp"
#include "card_weights.hpp"
#include "shared_weights.hpp"

namespace alphaprune::transformer {

/// The weights of a block, or of the head, on this rank's card and in the memory of its node, which
/// they came from in the type that they are stored in. What changes on one side reaches the other
/// when it is needed there. Functions throw Error (failure).
class CardBlockWeights {
  public:
    /// All arguments outlive the object.
    CardBlockWeights(const parallel::Communicator& node, const parallel::ThreadPool& threads,
                     const model::Catalogue& catalogue, card::ForwardLane& lane,
                     linalg::ForwardPrecision precision)
        : node_(node),
          threads_(threads),
          catalogue_(catalogue),
          lane_(lane),
          there_(lane, precision) {}

    CardWeights& there() { return there_; }

    /// Run collectively by the node, as all that call it so in BlockRunner. What they are: see
    /// CardWeights::load().
    void load(std::span<const int> described, std::span<const TensorLayout> layouts,
              std::span<const model::LinearLayer> layers, const model::RowSource& source);
    void load_tensor(int tensor, const model::RowSource& source);

    /// Rows of a matrix in float32, to be replaced: replaced() takes them over.
    std::span<float> rows(int matrix, parallel::RowRange outputs);
    CardWeights::Rows rows_there(int matrix, parallel::RowRange outputs) const {
        return there_.rows(info_of(matrix), outputs);
    }
    /// The same, about to change there.
    CardWeights::Rows change_there(int matrix, parallel::RowRange outputs);
    /// On all ranks of the node: what has changed counts from now on.
    void replaced(int matrix);
    void sync() { weights().sync(); }
    /// What lies on the host as it is stored is shown there, and of a pruned block stays until
    /// load() comes twice.
    std::span<const std::byte> stored_rows(int tensor, parallel::RowRange rows,
                                           std::vector<std::byte>& room);

  private:
    /// Outputs of a matrix that have changed on the card and not on the host.
    struct Changed {
        int matrix = 0;
        parallel::RowRange outputs;
    };
    /// A matrix in float32, as far as somebody has asked for its rows.
    struct Widened {
        int matrix = 0;
        std::unique_ptr<float[]> values;  ///< of all rows; memory is taken for those that are there
        std::vector<bool> is_here;        ///< of each
    };

    struct OnHost {
        std::unique_ptr<SharedWeights> weights;
        std::unique_ptr<linalg::PinnedRange> pinned;  ///< their memory; gone before it
    };

    SharedWeights& weights() { return *host_.weights; }
    void hold(OnHost& place, std::vector<SharedWeights::Held> tensors);
    const model::MatrixInfo& info_of(int matrix) const {
        return catalogue_.matrices[static_cast<std::size_t>(matrix)];
    }
    /// On the host, as they are held.
    std::span<std::byte> on_host(int matrix, parallel::RowRange outputs);
    Widened& widened(int matrix);
    void fetch(int tensor);
    void put_widened(int matrix);

    const parallel::Communicator& node_;
    const parallel::ThreadPool& threads_;
    const model::Catalogue& catalogue_;
    card::ForwardLane& lane_;
    OnHost host_;
    OnHost other_;            ///< which host_ has been
    bool is_pruned_ = false;  ///< host_, whose rows are shown then
    CardWeights there_;
    std::vector<Changed> changed_;
    std::vector<Widened> widened_;
};

}  // namespace alphaprune::transformer
