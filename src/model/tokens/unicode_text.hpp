#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace alphaprune::model {

// Text as the pipeline of a tokenizer.json sees it: UTF-8, checked before (first_not_utf8).

/// Bytes of the character that begins with this byte.
inline std::size_t character_bytes(char first) {
    const auto byte = static_cast<unsigned char>(first);
    return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/// The code point of the character at the beginning of a text that is not empty.
inline char32_t first_character(std::string_view text) {
    const auto bits = [&](std::size_t at) {
        return static_cast<char32_t>(static_cast<unsigned char>(text[at]) & 0x3FU);
    };
    const auto first = static_cast<unsigned char>(text.front());
    switch (character_bytes(text.front())) {
        case 1:
            return first;
        case 2:
            return (first & 0x1FU) << 6U | bits(1);
        case 3:
            return (first & 0x0FU) << 12U | bits(1) << 6U | bits(2);
        default:
            return (first & 0x07U) << 18U | bits(1) << 12U | bits(2) << 6U | bits(3);
    }
}

/// Where the last character of a text that is not empty begins.
inline std::size_t last_character_at(std::string_view text) {
    std::size_t at = text.size() - 1;
    while ((static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U) {
        --at;
    }
    return at;
}

void append_character(std::string& text, char32_t character);

/// Unicode's property White_Space.
bool is_white_space(char32_t character);

/// Bytes of white space that the text begins, or ends, with.
std::size_t leading_white_space(std::string_view text);
std::size_t trailing_white_space(std::string_view text);

}  // namespace alphaprune::model
