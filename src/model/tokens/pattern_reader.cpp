#include "tokens/pattern_reader.hpp"

#include <fmt/format.h>

#include "alphaprune/support/message.hpp"
#include "tokens/unicode_text.hpp"

namespace alphaprune::model {
namespace {

const support::BadRequest<std::string, std::string> kForeignPattern{
    "model.foreign-tokenizer-pattern",
    "tokenizer.json has the regular expression '{}', in which {} is not understood",
    "no published model was known to use it when this program was written, or the file is damaged",
    "give token ids as a .npy file instead of text"};

constexpr std::uint32_t kMostRepeats = 65535;  // of PCRE2

}  // namespace

bool is_letter(char32_t character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
}

void PatternReader::refuse(std::string_view what) const {
    throw kForeignPattern(where_, std::string(pattern_), fmt::format("{} (at byte {})", what, at_));
}
bool PatternReader::skip(std::string_view text) {
    const bool found = has(text);
    at_ += found ? text.size() : 0;
    return found;
}
char32_t PatternReader::take() {
    if (at_ >= pattern_.size()) {
        refuse("its end");
    }
    const char32_t character = first_character(pattern_.substr(at_));
    at_ += character_bytes(pattern_[at_]);
    return character;
}

std::optional<std::uint32_t> PatternReader::number() {
    std::optional<std::uint32_t> value;
    while (at_ < pattern_.size() && pattern_[at_] >= '0' && pattern_[at_] <= '9') {
        value = 10 * value.value_or(0) + static_cast<std::uint32_t>(pattern_[at_++] - '0');
        if (*value > kMostRepeats) {
            refuse("so many repetitions");
        }
    }
    return value;
}

std::string_view PatternReader::name_in_braces() {
    const std::size_t end = pattern_.find('}', at_);
    if (!skip("{") || end == std::string_view::npos) {
        refuse("a property without a name");
    }
    const std::string_view name = pattern_.substr(at_, end - at_);
    at_ = end + 1;
    return name;
}

char32_t PatternReader::escaped_literal() {
    at_ += 1;
    const char32_t letter = take();
    switch (letter) {
        case 'n':
            return U'\n';
        case 'r':
            return U'\r';
        case 't':
            return U'\t';
        case 'f':
            return U'\f';
        case 'v':
            return U'\v';
        case 'x': {
            const bool braces = skip("{");
            const char32_t character = braces ? hexadecimal(1, 6, "}") : hexadecimal(2, 2, "");
            if (!braces && character >= 0x80) {
                refuse("a byte");
            }
            return character;
        }
        case 'u':
            return hexadecimal(4, 4, "");
        default:
            if (letter >= 0x80 || is_letter(letter) || (letter >= '0' && letter <= '9')) {
                refuse("an escape of this kind");
            }
            return letter;
    }
}
char32_t PatternReader::hexadecimal(int least, int most, std::string_view end) {
    char32_t value = 0;
    int digits = 0;
    for (; digits < most && at_ < pattern_.size(); ++digits, ++at_) {
        const std::size_t digit = std::string_view("0123456789abcdefABCDEF").find(pattern_[at_]);
        if (digit == std::string_view::npos) {
            break;
        }
        value = 16 * value + static_cast<char32_t>(digit < 16 ? digit : digit - 6);
    }
    if (digits < least || !skip(end) || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) {
        refuse("a number of a character");
    }
    return value;
}

}  // namespace alphaprune::model
