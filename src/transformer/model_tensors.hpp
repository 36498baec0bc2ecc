#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "forward_family.hpp"
#include "tensor_finder.hpp"

namespace alphaprune::transformer {

/// y = W x + b. Indices into Catalogue::tensors, −1 where there is none.
struct Projection {
    int weight = -1;
    int bias = -1;
    int matrix = -1;  ///< index into Catalogue::matrices
    std::int64_t rows = 0;
    std::int64_t cols = 0;
};

struct Norm {
    int weight = -1;
    int bias = -1;
};

/// The tensors of a block, by what they are for.
struct BlockTensors {
    Norm attention_norm;
    Projection query;
    Projection key;
    Projection value;
    Projection attention_out;
    Norm mlp_norm;
    std::optional<Projection> gate;
    Projection up;
    Projection down;
};

/// The tensors before the blocks.
struct InputTensors {
    int embedding = -1;
    int position_table = -1;
    int project_in = -1;
};

/// The tensors after the blocks, which perplexities and logits need and pruning does not.
struct HeadTensors {
    std::optional<Norm> final_norm;
    int project_out = -1;
    int vocabulary = -1;        ///< the projection to logits: a tensor of its own or the embedding
    std::int64_t width = 0;     ///< of its rows, and of what they are multiplied with
    support::FaultList faults;  ///< what is missing or wrong of all this
};

BlockTensors find_block_tensors(TensorFinder& finder, const model::Catalogue& catalogue,
                                const ForwardFamily& family, int block);
/// Where config.json ties embedding and head, and the files have the head alone, it is both.
InputTensors find_input_tensors(TensorFinder& finder, const model::Catalogue& catalogue,
                                const ForwardFamily& family);
/// A head that the files have is used, whether config.json ties it to the embedding or not, as
/// transformers does: a tied one that is stored all the same is either equal or meant.
HeadTensors find_head_tensors(TensorFinder& finder, const model::Catalogue& catalogue,
                              const ForwardFamily& family);

/// Every tensor of a block, each once.
std::vector<int> all_of(const BlockTensors& block);
/// The projections of a block in the order in which they are used.
std::vector<Projection> projections_of(const BlockTensors& block);

}  // namespace alphaprune::transformer
