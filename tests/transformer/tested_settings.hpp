#pragma once

#include <cstdlib>

#include "alphaprune/device/card_module.hpp"
#include "alphaprune/transformer/block_runner.hpp"

namespace alphaprune::test {

/// What runs the blocks in a test of the forward pass: the card of the module that
/// LIBALPHAPRUNE_CUDA names, where that is set, in its strictest precision; else the processor.
inline transformer::ForwardSettings tested_settings() {
    const char* const module = std::getenv("LIBALPHAPRUNE_CUDA");
    if (module == nullptr || *module == '\0' || device::CardModule::get().cards().empty()) {
        return {};
    }
    const char* const rank =
        std::getenv("OMPI_COMM_WORLD_LOCAL_RANK");  // ranks on cards of their own
    const auto cards = static_cast<int>(device::CardModule::get().cards().size());
    return {linalg::ForwardPrecision::float32, rank == nullptr ? 0 : std::atoi(rank) % cards};
}

}  // namespace alphaprune::test
