#pragma once

#include <cstdint>
#include <string_view>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/configuration.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::model {

/// How a family decides which blocks see only the last tokens.
enum class WindowRule {
    none,        ///< there are no windows
    always,      ///< in every block, unless sliding_window is null
    on_request,  ///< with use_sliding_window, from block max_window_layers on or as layer_types
                 ///< says
};

/// Sets sliding_window and full_attention_blocks. `model.blocks` must be set.
void read_window(const formats::Json& config, std::string_view where, WindowRule rule,
                 support::FaultList& faults, ModelConfiguration& model);

}  // namespace alphaprune::model
