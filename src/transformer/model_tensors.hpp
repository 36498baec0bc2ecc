#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "forward_family.hpp"
#include "tensor_finder.hpp"

namespace alphaprune {

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

/// The tensors outside the blocks.
struct OuterTensors {
    int embedding = -1;
    int position_table = -1;
    int project_in = -1;
    int project_out = -1;
    std::optional<Norm> final_norm;
    int vocabulary = -1;
};

BlockTensors find_block_tensors(TensorFinder& finder, const Catalogue& catalogue,
                                const ForwardFamily& family, int block);
OuterTensors find_outer_tensors(TensorFinder& finder, const Catalogue& catalogue,
                                const ForwardFamily& family);

/// Every tensor of a block, each once.
std::vector<int> all_of(const BlockTensors& block);
/// Every tensor outside the blocks; the embedding may be there twice, as the vocabulary, too.
std::vector<int> all_of(const OuterTensors& outer);
/// The projections of a block in the order in which they are used.
std::vector<Projection> projections_of(const BlockTensors& block);

}  // namespace alphaprune
