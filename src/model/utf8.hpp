#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace alphaprune::model {

/// Where the text stops being UTF-8: the first byte of the first sequence that is none (overlong
/// forms, surrogates and numbers beyond U+10FFFF are none). Nothing when all of it is.
std::optional<std::size_t> first_not_utf8(std::string_view text);

}  // namespace alphaprune::model
