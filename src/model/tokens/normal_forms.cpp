#include "tokens/normal_forms.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>
#include <memory>

#include "alphaprune/support/error.hpp"
#include "tokens/unicode_text.hpp"

namespace alphaprune::model {
namespace {

struct CharacterRange {
    char32_t first;
    char32_t last;
};
/// Characters with a decomposition or a combining class that have come after Unicode 9, whose data
/// the library has: there they are as any other character. Also U+11A7, which utf8proc up to 2.10
/// composes with a Hangul syllable, against the standard.
constexpr std::array kWithoutForms = std::to_array<CharacterRange>(
    {{0x7FD, 0x7FD},     {0x897, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},
     {0xC3C, 0xC3C},     {0xD3B, 0xD3C},     {0xEBA, 0xEBA},     {0x11A7, 0x11A7},
     {0x1715, 0x1715},   {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFA},   {0x32FF, 0x32FF},
     {0xA7F2, 0xA7F4},   {0xA82C, 0xA82C},   {0xAB69, 0xAB69},   {0x105C0, 0x105F3},
     {0x10781, 0x107BA}, {0x10D24, 0x10D27}, {0x10D69, 0x10D6D}, {0x10EAB, 0x10EAC},
     {0x10EFC, 0x10EFF}, {0x10F46, 0x10F50}, {0x10F82, 0x10F85}, {0x11070, 0x11070},
     {0x1133B, 0x1133B}, {0x11380, 0x113E2}, {0x1145E, 0x1145E}, {0x11839, 0x1183A},
     {0x11930, 0x11943}, {0x119E0, 0x119E0}, {0x11A34, 0x11A34}, {0x11A47, 0x11A47},
     {0x11A99, 0x11A99}, {0x11D42, 0x11D45}, {0x11D97, 0x11D97}, {0x11F41, 0x11F42},
     {0x16100, 0x1612F}, {0x16D40, 0x16D79}, {0x16FF0, 0x16FF1}, {0x1CCD6, 0x1CCF9},
     {0x1E030, 0x1E08F}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF},
     {0x1E4EC, 0x1E4EF}, {0x1E5EE, 0x1E5EF}, {0x1F16C, 0x1F16C}, {0x1FBF0, 0x1FBF9}});

bool is_without_forms(char32_t character) {
    const auto after =
        std::ranges::upper_bound(kWithoutForms, character, {}, &CharacterRange::first);
    return after != kWithoutForms.begin() && character <= std::prev(after)->last;
}

bool is_ascii(char byte) {
    return static_cast<unsigned char>(byte) < 0x80;
}

/// A part of a text in a normal form, by utf8proc.
void append_normal_form(std::string& written, std::string_view text, utf8proc_option_t form) {
    utf8proc_uint8_t* made = nullptr;
    const utf8proc_ssize_t bytes =
        utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                     static_cast<utf8proc_ssize_t>(text.size()), &made, form);
    if (bytes < 0) {  // of a text that is UTF-8
        throw support::out_of_memory();
    }
    const std::unique_ptr<utf8proc_uint8_t, void (*)(void*)> owned(made, std::free);
    written.append(reinterpret_cast<const char*>(made), static_cast<std::size_t>(bytes));
}

/// How long the text is as it is in every normal form: ASCII, but for the last character, which may
/// be changed by those behind it, and what has no forms.
std::size_t length_in_any_form(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t next = is_ascii(text[at]) ? at + 1 : at;
        if (next < text.size() && !is_ascii(text[next]) &&
            !is_without_forms(first_character(text.substr(next)))) {
            return at;
        }
        at += character_bytes(text[at]);
    }
    return at;
}

/// How long the text is that begins with any character and goes on until nothing behind can change.
std::size_t length_to_be_formed(std::string_view text) {
    std::size_t at = text.empty() ? 0 : character_bytes(text[0]);
    while (at < text.size() && !is_ascii(text[at]) &&
           !is_without_forms(first_character(text.substr(at)))) {
        at += character_bytes(text[at]);
    }
    return at;
}

/// Capitals that have come with Unicode 16 and 17, and what the first of them is in lower case.
struct LaterCapitals {
    CharacterRange capitals;
    char32_t lower;
};
constexpr std::array kLaterCapitals = std::to_array<LaterCapitals>({{{0x1C89, 0x1C89}, 0x1C8A},
                                                                    {{0xA7CB, 0xA7CB}, 0x264},
                                                                    {{0xA7CC, 0xA7CC}, 0xA7CD},
                                                                    {{0xA7CE, 0xA7CE}, 0xA7CF},
                                                                    {{0xA7D2, 0xA7D2}, 0xA7D3},
                                                                    {{0xA7D4, 0xA7D4}, 0xA7D5},
                                                                    {{0xA7DA, 0xA7DA}, 0xA7DB},
                                                                    {{0xA7DC, 0xA7DC}, 0x19B},
                                                                    {{0x10D50, 0x10D65}, 0x10D70},
                                                                    {{0x16EA0, 0x16EB8}, 0x16EBB}});

char32_t lower_case_of(char32_t character) {
    for (const LaterCapitals& later : kLaterCapitals) {
        if (character >= later.capitals.first && character <= later.capitals.last) {
            return later.lower + (character - later.capitals.first);
        }
    }
    return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(character)));
}

}  // namespace

std::string in_normal_form(std::string_view text, bool composed, bool compatible) {
    const int form = UTF8PROC_STABLE | (composed ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE) |
                     (compatible ? UTF8PROC_COMPAT : 0);
    std::string written;
    written.reserve(text.size());
    while (!text.empty()) {
        const std::size_t kept = length_in_any_form(text);
        written += text.substr(0, kept);
        text.remove_prefix(kept);
        const std::size_t changed = length_to_be_formed(text);
        if (changed > 0) {
            append_normal_form(written, text.substr(0, changed),
                               static_cast<utf8proc_option_t>(form));
        }
        text.remove_prefix(changed);
    }
    return written;
}

std::string in_lower_case(std::string_view text) {
    std::string written;
    written.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); at += character_bytes(text[at])) {
        const char32_t character = first_character(text.substr(at));
        if (character == 0x130) {  // İ alone becomes two characters
            written += "i\xCC\x87";
        } else {
            append_character(written, lower_case_of(character));
        }
    }
    return written;
}

}  // namespace alphaprune::model
