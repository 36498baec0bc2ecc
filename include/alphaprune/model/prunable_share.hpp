#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/matrix_choice.hpp"

namespace alphaprune::model {

/// Tensors of the decoder blocks that are not pruned and differ in their numbers only.
struct LeftOut {
    std::string names;  ///< "model.layers.*.mlp.gate.weight"
    std::string reason;
    std::int64_t tensors = 0;
    std::int64_t weights = 0;
    bool by_request = false;  ///< --exclude names them
};

/// How much of the decoder blocks is pruned. Masks and other buffers are no weights.
struct PrunableShare {
    std::int64_t block_weights = 0;
    std::int64_t prunable = 0;
    std::vector<LeftOut> left_out;  ///< the most weights first

    double share() const;
};

/// @param kept  only of these blocks
PrunableShare prunable_share(const Catalogue& catalogue, const MatrixChoice& choice,
                             const std::optional<BlockRange>& kept = std::nullopt);

/// "model.layers.*.mlp.gate.weight (24 tensors, 1.2 million weights)" and some more of them.
std::string list_left_out(const std::vector<LeftOut>& left_out);

}  // namespace alphaprune::model
