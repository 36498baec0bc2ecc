#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "alphaprune/model/block_description.hpp"
#include "alphaprune/parallel/share.hpp"

namespace alphaprune::transformer {

/// Whether the type is one of those that rotary_frequencies knows.
bool is_known_rotary(std::string_view type);
std::string_view rotary_types();

/// How a sequence's positions turn the pairs of a head's values.
struct RotaryFrequencies {
    std::vector<float> angles;  ///< per position, one for each pair; as transformers rounds them
    float factor = 1;           ///< of cosines and sines
};

/// θ^(−2i/size) for i from 0 to size/2, changed by the type of scaling: linear, dynamic
/// (NTK-aware), yarn (arXiv 2309.00071), longrope (arXiv 2402.13753), llama3 (arXiv 2407.21783).
/// @param size       values of a head that are rotated
/// @param positions  of the sequence: dynamic and longrope depend on them
/// @pre  is_known_rotary(rope.type); longrope's factors have size/2 values
RotaryFrequencies rotary_frequencies(const model::RopeParameters& rope, std::int64_t size,
                                     std::int64_t positions);

/// Cosines and sines of position × frequency for the positions of a sequence.
class RotaryTable {
  public:
    RotaryTable(const model::RotaryLayer& layer, std::int64_t positions);

    /// Rotates the heads of some tokens; token t of the sequence stands at position t.
    /// @param values  of those tokens: their number × (heads × head_size)
    /// @param first   of each head's values that are rotated
    void apply(std::span<float> values, parallel::RowRange tokens, std::int64_t heads,
               std::int64_t first = 0) const;

    // Of each position one value a pair.
    std::span<const float> cosines() const { return cos_; }
    std::span<const float> sines() const { return sin_; }
    std::int64_t pairs() const { return static_cast<std::int64_t>(pairs_); }
    bool is_interleaved() const { return interleaved_; }

  private:
    std::size_t pairs_;
    bool interleaved_;
    std::vector<float> cos_;
    std::vector<float> sin_;
};

/// The tables that a model's blocks need, each made once, for sequences of one length.
class RotaryTables {
  public:
    /// @param layers  that differ; tables come with reach()
    explicit RotaryTables(std::vector<model::RotaryLayer> layers = {})
        : layers_(std::move(layers)) {}

    /// Makes the tables for sequences of so many tokens.
    void reach(std::int64_t positions);
    /// @pre  `layer` is one of those given, reach() was called
    const RotaryTable& of(const model::RotaryLayer& layer) const;

  private:
    std::vector<model::RotaryLayer> layers_;
    std::vector<RotaryTable> tables_;
    std::int64_t positions_ = 0;
};

}  // namespace alphaprune::transformer
