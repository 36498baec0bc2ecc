#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/model/catalogue.hpp"

namespace alphaprune::model {

/// A regular expression (PCRE2's syntax, bytes) that is searched for in the names of tensors.
class NamePattern {
  public:
    /// @param where  the pattern was written, for errors
    /// @throws Error (bad_request) saying what is wrong with the pattern, and at which character
    explicit NamePattern(std::string_view text, std::string_view where = {});

    /// Whether the pattern matches some part of the name.
    /// @throws Error (bad_request) when that takes more steps than any sensible pattern needs
    bool found_in(std::string_view name) const;
    const std::string& text() const { return text_; }

  private:
    struct Compiled;

    std::string text_;
    std::string where_;
    std::shared_ptr<const Compiled> compiled_;
};

/// What is one prunable matrix of a tensor that holds several linear layers.
enum class Fused {
    split,  ///< each layer
    whole,  ///< the tensor, or what it has of an expert, as in the published code
};

inline std::string_view name_of(Fused fused) {
    return fused == Fused::split ? "split" : "whole";
}

/// What a user says about which matrices are pruned. A name that both lists match is left out.
struct MatrixChoice {
    std::vector<NamePattern> include;  ///< of 2-D tensors that the program would leave out
    std::vector<NamePattern> exclude;  ///< of tensors, or of slices, that stay as they are
    Fused fused = Fused::split;

    bool includes(std::string_view name) const;
    bool excludes(std::string_view name) const;
};

/// Finds the matrices of a catalogue anew: the linear layers of the decoder blocks, changed as the
/// user says. Adds a warning where much stays dense.
/// @throws Error (bad_request) with every fault found: no blocks, blocks that cannot be told from
///         others, experts stacked in one tensor (they would silently stay dense), a pattern that
///         matches nothing
void choose_matrices(Catalogue& catalogue, const MatrixChoice& choice);

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
