#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "transformer/stored_model.hpp"

namespace alphaprune::test {

struct PlainResult {
    std::vector<double> logits;                         ///< tokens × vocabulary
    std::map<std::string, std::vector<double>> inputs;  ///< of each projection, by its name
};

/// The forward pass of a LLaMA-like or OPT model in float64 and plain loops, written down a second
/// time for the tests.
PlainResult plain_forward(StoredModel& model, std::span<const std::int32_t> tokens);

}  // namespace alphaprune::test
