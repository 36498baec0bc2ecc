#include "tokens/oniguruma.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "tokens/pattern_reader.hpp"
#include "tokens/unicode_classes.hpp"
#include "tokens/unicode_text.hpp"

namespace alphaprune::model {
namespace {

constexpr int kDeepestGroup = 100;

/// Pairs of letters that are one character in other spellings (such as the ligature ff), which
/// Oniguruma accepts for them where case is ignored.
constexpr std::array<std::string_view, 5> kFoldedPairs{"ss", "ff", "fi", "fl", "st"};

std::string by_number(char32_t character) {
    return fmt::format("\\x{{{:X}}}", static_cast<std::uint32_t>(character));
}

/// Reads a pattern from left to right and writes it anew.
class Translation : private PatternReader {
  public:
    using PatternReader::PatternReader;

    std::string whole() {
        if (skip("(?i)")) {
            ignores_case_ = true;
        }
        std::string written = alternatives();
        if (!at_end()) {
            refuse("a bracket that closes nothing");
        }
        return ignores_case_ ? "(?i:" + written + ")" : written;
    }

  private:
    std::string alternatives() {
        if (++depth_ > kDeepestGroup) {
            refuse("a group so deep");
        }
        std::string written = sequence();
        while (skip("|")) {
            written += '|' + sequence();
        }
        --depth_;
        return written;
    }

    std::string sequence() {
        std::string written;
        last_letter_ = 0;
        while (!at_end() && !has("|") && !has(")")) {
            std::string part = atom();
            for (bool again = false;; again = true) {
                const std::optional<std::string> repeat = quantifier();
                if (!repeat) {
                    break;
                }
                part = (again ? "(?:" + part + ")" : part) + *repeat;
            }
            written += part;
        }
        last_letter_ = 0;
        return written;
    }

    std::string atom() {
        if (has("*") || has("+") || has("?")) {
            refuse("a repetition of nothing");
        }
        if (skip("(")) {
            return group();
        }
        if (ignores_case_ && skip("[")) {
            return cased_class();
        }
        if (ignores_case_) {
            return cased(has("\\") ? escaped_literal() : take());
        }
        if (skip("[")) {
            return "[" + bracket_class() + "]";
        }
        if (skip(".")) {
            return "[^\\n]";
        }
        if (skip("^")) {
            return "(?m:^)";
        }
        if (skip("$")) {
            return "(?m:$)";
        }
        if (has("\\")) {
            return escape();
        }
        return by_number(take());
    }

    /// A literal that matches in lower and upper case, by PCRE2 with ſ for s and K (Kelvin) for k,
    /// as by Oniguruma.
    std::string cased(char32_t character) {
        if (character >= 0x80 || character == '[' || character == '.' || character == '^' ||
            character == '$') {
            refuse("what is not an ASCII letter where case is ignored");
        }
        const char lower = static_cast<char>(is_letter(character) ? character | 0x20U : 0);
        const std::array pair{last_letter_, lower};
        for (const std::string_view folded : kFoldedPairs) {
            if (folded == std::string_view(pair.data(), 2)) {
                refuse("a pair of letters that may be one character where case is ignored");
            }
        }
        last_letter_ = lower;
        return by_number(character);
    }

    /// Several ASCII letters, any of which matches in lower and upper case, as in [sdmt].
    std::string cased_class() {
        std::string written = "[";
        int letters = 0;
        for (; !skip("]"); ++letters) {
            const char32_t letter = take();
            if (!is_letter(letter)) {
                refuse("a class of others than ASCII letters where case is ignored");
            }
            written += by_number(letter);
        }
        if (letters < 2) {
            refuse("a class of one letter where case is ignored");
        }
        last_letter_ = 0;
        return written + "]";
    }

    std::string group() {
        std::string written;
        const bool outer = ignores_case_;
        if (skip("?i:")) {
            ignores_case_ = true;
            written = "(?i:";
        } else if (!has("?")) {
            written = "(?:";
        } else {
            for (const std::string_view kind : {"?:", "?=", "?!", "?<=", "?<!", "?>"}) {
                if (skip(kind)) {
                    written = "(" + std::string(kind);
                    break;
                }
            }
        }
        if (written.empty()) {
            refuse("a group of this kind");
        }
        written += alternatives();
        if (!skip(")")) {
            refuse("a group without an end");
        }
        ignores_case_ = outer;
        return written + ")";
    }

    /// What repeats the atom before it; nothing where there is no such thing.
    std::optional<std::string> quantifier() {
        for (const std::string_view simple : {"*", "+", "?"}) {
            if (skip(simple)) {
                std::string repeat(simple);
                if (has("?") || has("+")) {  // lazy, possessive
                    repeat += static_cast<char>(take());
                }
                return repeat;
            }
        }
        return has("{") ? std::optional(interval()) : std::nullopt;
    }

    /// {n}, {n,}, {n,m}, {,m}; "+" behind them is a repetition of its own.
    std::string interval() {
        take();
        const std::optional<std::uint32_t> least = number();
        const bool open = skip(",");
        const std::optional<std::uint32_t> most = open ? number() : least;
        if (!skip("}") || (!least && !most) || (least && most && *least > *most)) {
            refuse("a number of repetitions");
        }
        if (has("?") && !open) {
            refuse("{n}?");
        }
        return fmt::format("{{{},{}}}{}", least.value_or(0), most ? fmt::to_string(*most) : "",
                           skip("?") ? "?" : "");
    }

    /// An escape outside of brackets.
    std::string escape() {
        for (const std::string_view anchor : {"\\A", "\\z", "\\Z"}) {
            if (skip(anchor)) {
                return std::string(anchor);
            }
        }
        if (skip("\\D")) {
            return "[^" + *general_category("Nd") + "]";
        }
        if (skip("\\P")) {
            return "[^" + category() + "]";
        }
        if (const auto set = escaped_set()) {
            return "[" + *set + "]";
        }
        return by_number(escaped_literal());
    }

    /// An escape that stands for a set of characters, as the contents of a class.
    std::optional<std::string> escaped_set() {
        if (skip("\\s")) {
            return std::string(white_space_class());
        }
        if (skip("\\S")) {
            return std::string(no_white_space_class());
        }
        if (skip("\\d")) {
            return general_category("Nd");
        }
        if (skip("\\p")) {
            return category();
        }
        return std::nullopt;
    }

    /// The name in braces behind \p.
    std::string category() {
        const auto characters = general_category(name_in_braces());
        if (!characters) {
            refuse("this property");
        }
        return *characters;
    }

    /// The contents of a class up to its end; a class inside of it is a part of it.
    std::string bracket_class() {
        if (++depth_ > kDeepestGroup) {
            refuse("a class so deep");
        }
        std::string written = skip("^") ? "^" : "";
        if (has("]")) {
            refuse("a class that begins with ]");
        }
        while (!skip("]")) {
            if (has("&&") || has("[:") || has("[^")) {
                refuse("a class of this kind");
            }
            if (skip("[")) {
                written += bracket_class();
            } else if (const auto set = escaped_set()) {
                written += *set;
                if (has("-") && !has("-]")) {
                    refuse("a range from what is not a character");
                }
            } else {
                written += range();
            }
        }
        --depth_;
        return written;
    }

    /// One character of a class, or a range of them.
    std::string range() {
        const char32_t first = has("\\") ? escaped_literal() : take();
        if (!has("-") || has("-]")) {
            return by_number(first);
        }
        take();
        if (has("[") || has("\\p") || has("\\s") || has("\\S") || has("\\d")) {
            refuse("a range to what is not a character");
        }
        const char32_t last = has("\\") ? escaped_literal() : take();
        if (last < first || first == '-') {
            refuse("a range of this kind");
        }
        return by_number(first) + "-" + by_number(last);
    }

    int depth_ = 0;
    bool ignores_case_ = false;
    char last_letter_ = 0;
};

}  // namespace

std::string pcre2_expression(std::string_view pattern, const std::string& where) {
    return Translation(pattern, where).whole();
}

std::string literal_expression(std::string_view text) {
    std::string written;
    while (!text.empty()) {
        written += by_number(first_character(text));
        text.remove_prefix(character_bytes(text.front()));
    }
    return written;
}

}  // namespace alphaprune::model
