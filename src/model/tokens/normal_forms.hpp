#pragma once

#include <string>
#include <string_view>

namespace alphaprune::model {

/// A text in one of Unicode's normal forms: NFC (composed), NFD (neither), NFKC (both), NFKD, by
/// the data of Unicode 9, as the library `tokenizers` 0.23 has it, whatever utf8proc knows.
std::string in_normal_form(std::string_view text, bool composed, bool compatible);

/// A text in lower case, character by character, wherever they stand, by the data of Unicode 17.
std::string in_lower_case(std::string_view text);

}  // namespace alphaprune::model
