#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "alphaprune/linalg/forward_precision.hpp"
#include "alphaprune/linalg/packed_weights.hpp"
#include "alphaprune/model/block_description.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/parallel/thread_pool.hpp"
#include "alphaprune/transformer/forward_plan.hpp"
#include "shared_weights.hpp"

namespace alphaprune::transformer {

/// The prunable layers of a block for products in bfloat16, beside the weights in float32: packed
/// once on each node, in its shared memory, by all of its ranks. Weights that are stored as
/// bfloat16 take one part each, others two where the precision is bf16x2. Routers stay in float32,
/// so that tokens go where they went. Made and destroyed collectively by the node.
class PackedLayers {
  public:
    /// Run collectively by the node; packs nothing yet. All arguments outlive the object.
    PackedLayers(const parallel::Communicator& node, const parallel::ThreadPool& threads,
                 const ForwardPlan& plan, const BlockPlan& block,
                 linalg::ForwardPrecision precision);

    /// Run collectively by the node: all layers, or those that lie in a tensor, anew.
    /// @param weights  have been loaded or changed, which all ranks of the node see
    /// @param tensor   index into Catalogue::tensors; nothing: all
    void pack(const SharedWeights& weights, std::optional<int> tensor = {});

    linalg::ForwardPrecision precision() const { return precision_; }
    /// Nothing for a layer that is not packed. @param layer  of the block's description
    std::optional<linalg::PackedWeights> find(const model::LinearLayer& layer) const;

    /// Bytes on a node.
    static std::uint64_t bytes_for(const ForwardPlan& plan, const BlockPlan& block,
                                   linalg::ForwardPrecision precision);

  private:
    struct Place {
        linalg::PackedShape shape;
        std::size_t start = 0;  ///< in bytes, of all
        std::size_t size = 0;   ///< 0: not packed
    };
    /// Of each layer described, and one at the end of all.
    static std::vector<Place> places_in(const ForwardPlan& plan, const BlockPlan& block,
                                        linalg::ForwardPrecision precision);
    void pack_layer(const SharedWeights& weights, std::size_t layer);

    const parallel::Communicator& node_;
    const parallel::ThreadPool& threads_;
    const BlockPlan& block_;
    linalg::ForwardPrecision precision_;
    std::vector<Place> places_;
    parallel::NodeArray<float> array_;
};

}  // namespace alphaprune::transformer
