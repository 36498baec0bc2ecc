#pragma once

#include <string_view>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/configuration.hpp"
#include "alphaprune/model/family.hpp"
#include "alphaprune/support/error.hpp"
#include "config_fields.hpp"

namespace alphaprune::model {

/// The rotary embedding as config.json describes it, in the old or the new form.
RopeParameters read_rope(const formats::Json& config, std::string_view where,
                         std::int64_t max_positions, Reading reading, support::FaultList& faults);

/// Sets sliding_window and full_attention_blocks. @pre `model.blocks` is set
void read_window(const formats::Json& config, std::string_view where, WindowRule rule,
                 support::FaultList& faults, ModelConfiguration& model);

}  // namespace alphaprune::model
