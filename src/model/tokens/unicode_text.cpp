#include "tokens/unicode_text.hpp"

namespace alphaprune::model {

void append_character(std::string& text, char32_t character) {
    const auto add = [&](char32_t byte) { text += static_cast<char>(byte); };
    if (character < 0x80) {
        add(character);
    } else if (character < 0x800) {
        add(0xC0U | character >> 6U);
        add(0x80U | (character & 0x3FU));
    } else if (character < 0x10000) {
        add(0xE0U | character >> 12U);
        add(0x80U | (character >> 6U & 0x3FU));
        add(0x80U | (character & 0x3FU));
    } else {
        add(0xF0U | character >> 18U);
        add(0x80U | (character >> 12U & 0x3FU));
        add(0x80U | (character >> 6U & 0x3FU));
        add(0x80U | (character & 0x3FU));
    }
}

bool is_white_space(char32_t character) {
    return (character >= 0x09 && character <= 0x0D) || character == 0x20 || character == 0x85 ||
           character == 0xA0 || character == 0x1680 ||
           (character >= 0x2000 && character <= 0x200A) || character == 0x2028 ||
           character == 0x2029 || character == 0x202F || character == 0x205F || character == 0x3000;
}

std::size_t leading_white_space(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size() && is_white_space(first_character(text.substr(at)))) {
        at += character_bytes(text[at]);
    }
    return at;
}

std::size_t trailing_white_space(std::string_view text) {
    std::size_t end = text.size();
    while (end > 0) {
        const std::size_t at = last_character_at(text.substr(0, end));
        if (!is_white_space(first_character(text.substr(at)))) {
            break;
        }
        end = at;
    }
    return text.size() - end;
}

}  // namespace alphaprune::model
