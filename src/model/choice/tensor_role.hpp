#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "alphaprune/model/catalogue.hpp"

namespace alphaprune::model {

/// What a tensor inside a decoder block is, judging by its name, its shape and its neighbors.
enum class Role {
    linear,   ///< the weight of a linear layer
    stacked,  ///< weights of several linear layers (of experts) in one tensor
    norm,     ///< of a norm, two-dimensional ones ([heads, head_dim]) included
    router,   ///< chooses experts
    single,   ///< one row or one column: a gate of one output, a vector
    table,    ///< embeddings, positions
    convolution,
    adapter,  ///< of LoRA
    vector,   ///< biases, scales, state-space parameters
    buffer,   ///< no weight: masks, angles, counts
    other,    ///< parameters of no known use, and those of three or more dimensions
};

/// "weights of norms": why a tensor is not pruned.
std::string_view reason_of(Role role);

/// A tensor inside a decoder block.
struct BlockTensor {
    int tensor = 0;  ///< index into Catalogue::tensors
    std::int64_t block = 0;
    Role role = Role::other;
};

/// Finds the roles of the tensors inside decoder blocks, each from its own name and shape and from
/// the names of its neighbors.
class RoleFinder {
  public:
    /// Collects the neighbors of every tensor. @param catalogue  outlives the finder
    RoleFinder(const Catalogue& catalogue, const BlockStack& blocks);

    /// @param tensor  inside a block of the stack
    Role role_of(const TensorInfo& tensor) const;

    /// All tensors inside the first `blocks` blocks of the stack, in the order of the files.
    std::vector<BlockTensor> tensors_in(std::int64_t blocks) const;

  private:
    struct Path;

    void note_neighbors(const TensorInfo& tensor);
    bool is_mixture(const std::string& module) const;
    std::int64_t experts_of(const std::string& module) const;
    bool routes(const TensorInfo& tensor, const Path& path) const;
    bool is_stacked(const TensorInfo& tensor, const Path& path) const;
    Role role_of_weight(const TensorInfo& tensor, const Path& path) const;

    const Catalogue& catalogue_;
    BlockStack blocks_;
    /// Modules that have experts (names without a dot at the end), and how many; 0: not known.
    std::unordered_map<std::string, std::int64_t> experts_;
    std::unordered_set<std::string> routed_;  ///< modules that have a router
};

}  // namespace alphaprune::model
