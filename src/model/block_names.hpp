#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "alphaprune/model/catalogue.hpp"

namespace alphaprune::model {

/// A tensor's name taken apart at a number: "model.layers." 12 "mlp.up_proj.weight".
struct NumberedName {
    std::string_view prefix;
    std::int64_t number = 0;
    std::string_view rest;
};

/// The name behind a known prefix, or nothing when it is no number that follows.
std::optional<NumberedName> after_prefix(std::string_view name, std::string_view prefix);

/// The block that a tensor is inside of; nothing for a tensor outside of the blocks.
std::optional<std::int64_t> block_of(std::string_view name, const BlockStack& blocks);

/// Every way to read a name as "<prefix>.<number>.<rest>", the outermost first. In
/// "model.layers.3.experts.5.w1.weight" 3 comes before 5.
std::vector<NumberedName> numbered_parts(std::string_view name);

}  // namespace alphaprune::model
