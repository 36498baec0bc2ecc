#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "alphaprune/linalg/packed_product.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/parallel/team.hpp"
#include "packed_layers.hpp"
#include "team_memory.hpp"

namespace alphaprune::transformer {

/// What products in bfloat16 work with.
struct PackedMath {
    const PackedLayers& layers;
    TeamMemory& inputs;                            ///< for activations in bfloat16
    std::vector<linalg::ProductScratch>& scratch;  ///< of each thread
};

/// The activations of some products: as they are, or split into bfloat16 in the memory of the team,
/// each once for all layers that read it. Until the next ones are made.
class ProductInputs {
  public:
    struct Input {
        std::span<const float> values;  ///< tokens × cols
        std::int64_t cols = 0;
    };

    /// Run collectively by the team. @param math  nullptr: they stay as they are
    ProductInputs(const parallel::Team& team, const PackedMath* math, std::vector<Input> inputs);

    std::size_t count() const { return inputs_.size(); }
    const Input& operator[](std::size_t input) const { return inputs_[input]; }
    std::int64_t tokens(std::size_t input) const {
        return static_cast<std::int64_t>(inputs_[input].values.size()) / inputs_[input].cols;
    }
    bool is_split() const { return math_ != nullptr; }
    /// Of some tokens, from a multiple of linalg::kSplitTokens on. @pre is_split()
    linalg::SplitInput split(std::size_t input, parallel::RowRange tokens) const;

  private:
    /// Where an input lies once it is split, in values of the team's memory.
    struct Place {
        std::int64_t flags = 0;  ///< one a slice: whether it is finite
        std::int64_t hi = 0;
        std::int64_t lo = 0;
    };
    std::uint16_t* bits_at(std::int64_t place, std::int64_t values) const;
    void split_slice(std::size_t input, std::int64_t slice);

    const PackedMath* math_;
    std::vector<Input> inputs_;
    std::vector<Place> places_;
    std::span<float> memory_;
};

}  // namespace alphaprune::transformer
