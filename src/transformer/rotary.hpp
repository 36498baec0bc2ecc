#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "alphaprune/model/configuration.hpp"

namespace alphaprune::transformer {

/// Whether the type is one of those that rotary_frequencies knows: default, linear, llama3.
bool is_known_rotary(std::string_view type);
std::string_view rotary_types();

/// Angle per position of each pair of a head's values (head_size / 2 of them), rounded to float32
/// as transformers has it: θ^(−2i/head_size), changed by the type of scaling.
std::vector<float> rotary_frequencies(const model::RopeParameters& rope, std::int64_t head_size);

/// Cosines and sines of position × frequency for positions from 0 on.
class RotaryTable {
  public:
    RotaryTable() = default;
    explicit RotaryTable(std::vector<float> frequencies) : frequencies_(std::move(frequencies)) {}

    /// Makes sure that positions 0..positions−1 are there.
    void reach(std::int64_t positions);
    /// Rotates the heads of each token: value i of a head with value i + head_size/2.
    /// @param values  tokens × (heads × head_size); token t stands at position t
    void apply(std::span<float> values, std::int64_t tokens, std::int64_t heads) const;

  private:
    std::vector<float> frequencies_;
    std::vector<float> cos_;
    std::vector<float> sin_;
};

}  // namespace alphaprune::transformer
