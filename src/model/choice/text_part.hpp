#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "alphaprune/formats/json.hpp"

namespace alphaprune::model {

/// The object of config.json that describes the language model in a model of several parts:
/// text_config and its like, nested ones too (thinker_config.text_config). `config` itself where
/// there is none, or where none says how large it is and `config` does.
const formats::Json& text_part(const formats::Json& config);

/// The sizes of a model of which a configuration gives only the type.
struct UsualSizes {
    std::string_view model_type;
    std::int64_t blocks = 0;
    std::int64_t hidden_size = 0;
};

/// What transformers assumes where text_config omits the sizes; nothing for other types.
std::optional<UsualSizes> usual_sizes(std::string_view model_type);

}  // namespace alphaprune::model
