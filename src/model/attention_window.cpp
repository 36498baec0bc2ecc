#include "attention_window.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "config_fields.hpp"

namespace alphaprune::model {
namespace {

using Name = std::array<std::string_view, 1>;

constexpr Name kWindow{"sliding_window"};
constexpr Name kUseWindow{"use_sliding_window"};
constexpr Name kFirstWindowed{"max_window_layers"};
constexpr Name kBlockKinds{"layer_types"};
constexpr std::string_view kWindowed = "sliding_attention";

// What transformers takes when the field is absent (null, however, means no window).
constexpr std::int64_t kUsualWindow = 4096;
constexpr std::int64_t kUsualFirstWindowed = 28;

std::vector<std::int64_t> blocks_before(std::int64_t first_windowed, std::int64_t blocks) {
    std::vector<std::int64_t> full;
    for (std::int64_t block = 0; block < std::min(first_windowed, blocks); ++block) {
        full.push_back(block);
    }
    return full;
}

std::vector<std::int64_t> blocks_not_windowed(const formats::Json& kinds) {
    std::vector<std::int64_t> full;
    for (std::size_t block = 0; block < kinds.elements().size(); ++block) {
        if (kinds.elements()[block].as_string() != kWindowed) {
            full.push_back(static_cast<std::int64_t>(block));
        }
    }
    return full;
}

/// max_window_layers may be 0: every block has a window.
std::int64_t first_windowed_block(const formats::Json& config, const ConfigFields& fields) {
    const formats::Json* value = config.find(kFirstWindowed.front());
    if (value == nullptr || value->is_null()) {
        return kUsualFirstWindowed;
    }
    const auto first = value->as_integer();
    if (!first || *first < 0) {
        fields.add_fault(kFirstWindowed.front(), "must be a whole number from 0 on");
        return kUsualFirstWindowed;
    }
    return *first;
}

std::vector<std::int64_t> full_attention_blocks(const formats::Json& config,
                                                const ConfigFields& fields, std::int64_t blocks) {
    const formats::Json* kinds = config.find(kBlockKinds.front());
    if (kinds == nullptr || kinds->is_null()) {
        return blocks_before(first_windowed_block(config, fields), blocks);
    }
    if (blocks > 0 && static_cast<std::int64_t>(kinds->elements().size()) != blocks) {
        fields.add_fault(kBlockKinds.front(),
                         fmt::format("must be a list with one entry a block ({})", blocks));
    }
    return blocks_not_windowed(*kinds);
}

}  // namespace

void read_window(const formats::Json& config, std::string_view where, WindowRule rule,
                 support::FaultList& faults, ModelConfiguration& model) {
    ConfigFields fields(config, where, "", Reading::strict, faults);
    if (rule == WindowRule::none ||
        (rule == WindowRule::on_request && !fields.flag(kUseWindow).value_or(false))) {
        return;
    }
    const formats::Json* value = fields.find(kWindow);
    if (value != nullptr && value->is_null()) {
        return;
    }
    const std::int64_t window = fields.size(kWindow).value_or(kUsualWindow);
    if (rule == WindowRule::on_request) {
        model.full_attention_blocks = full_attention_blocks(config, fields, model.blocks);
        if (static_cast<std::int64_t>(model.full_attention_blocks.size()) == model.blocks) {
            model.full_attention_blocks.clear();
            return;
        }
    }
    model.sliding_window = window;
}

}  // namespace alphaprune::model
