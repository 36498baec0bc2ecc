#include "json_reader.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>
#include <utility>

namespace alphaprune::formats {
namespace {

/// Python converts no whole number of more digits.
constexpr std::size_t kMostDigits = 4300;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_in_number(char c) {
    return is_digit(c) || c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E';
}

/// What would make another word of a word before it.
bool is_in_word(char c) {
    return is_in_number(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// A number by the grammar of JSON, all of the text.
bool is_number(std::string_view text) {
    std::size_t at = 0;
    const auto accept = [&](std::string_view characters) {
        const bool there = at < text.size() && characters.find(text[at]) != characters.npos;
        at += there ? 1 : 0;
        return there;
    };
    const auto accept_digits = [&] {
        const std::size_t begin = at;
        at = std::min(text.find_first_not_of("0123456789", at), text.size());
        return at > begin;
    };
    accept("-");
    if (!accept("0") && !accept_digits()) {
        return false;
    }
    if (accept(".") && !accept_digits()) {
        return false;
    }
    if (accept("eE")) {
        accept("+-");
        if (!accept_digits()) {
            return false;
        }
    }
    return at == text.size();
}

/// The infinity that a number beyond double is to Python (a whole number, which it can hold, comes
/// as near to that as a double can).
std::optional<double> infinity_of(const std::string& number) {
    const double value = std::strtod(number.c_str(), nullptr);
    const bool whole = number.find_first_of(".eE") == std::string::npos;
    const bool beyond = std::isinf(value) && is_number(number);
    const bool is_too_long = whole && number.size() - (value < 0 ? 1 : 0) > kMostDigits;
    return beyond && !is_too_long ? std::optional(value) : std::nullopt;
}

/// The four hexadecimal digits of "\uXXXX", where such an escape begins at `at`.
std::optional<unsigned> escaped_unit(std::string_view text, std::size_t at) {
    constexpr std::size_t kLength = 6;
    if (text.substr(at, 2) != "\\u" || at + kLength > text.size()) {
        return std::nullopt;
    }
    unsigned unit = 0;
    const char* const digits = text.data() + at + 2;
    const auto parsed = std::from_chars(digits, digits + 4, unit, 16);
    return parsed.ptr == digits + 4 ? std::optional(unit) : std::nullopt;
}

bool is_high(unsigned unit) {
    return unit >= 0xD800 && unit < 0xDC00;
}

bool is_low(unsigned unit) {
    return unit >= 0xDC00 && unit < 0xE000;
}

class Translator {
  public:
    explicit Translator(std::string_view python) { standard_.text = python; }

    StandardJson take() { return std::move(standard_); }

    void translate() {
        const std::string& text = standard_.text;
        while (at_ < text.size()) {
            if (text[at_] == '"') {
                translate_string();
            } else if (!translate_name() && !translate_number()) {
                ++at_;
            }
        }
    }

  private:
    /// From one quotation mark past the next.
    void translate_string() {
        const std::string& text = standard_.text;
        for (++at_; at_ < text.size() && text[at_] != '"';) {
            if (text[at_] != '\\') {
                ++at_;
            } else if (!translate_surrogates()) {
                at_ += 2;
            }
        }
        ++at_;
    }

    /// A pair is passed over, half of one replaced.
    bool translate_surrogates() {
        constexpr std::size_t kLength = 6;
        const auto unit = escaped_unit(standard_.text, at_);
        if (!unit || !(is_high(*unit) || is_low(*unit))) {
            return false;
        }
        const auto next = escaped_unit(standard_.text, at_ + kLength);
        if (is_high(*unit) && next && is_low(*next)) {
            at_ += 2 * kLength;
            return true;
        }
        standard_.text.replace(at_, kLength, "\\ufffd");
        at_ += kLength;
        return true;
    }

    bool translate_name() {
        constexpr double kInfinity = std::numeric_limits<double>::infinity();
        constexpr std::array<std::pair<std::string_view, double>, 3> kNames{
            {{"NaN", std::numeric_limits<double>::quiet_NaN()},
             {"Infinity", kInfinity},
             {"-Infinity", -kInfinity}}};
        if (at_ > 0 && is_in_word(standard_.text[at_ - 1])) {
            return false;
        }
        for (const auto& [name, value] : kNames) {
            if (std::string_view(standard_.text).substr(at_).starts_with(name)) {
                replace(name.size(), value);
                return true;
            }
        }
        return false;
    }

    bool translate_number() {
        const std::string& text = standard_.text;
        if (!is_digit(text[at_]) && text[at_] != '-') {
            return false;
        }
        const auto last = std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(at_),
                                           text.end(), is_in_number);
        const auto end = static_cast<std::size_t>(last - text.begin());
        if (const auto infinity = infinity_of(text.substr(at_, end - at_))) {
            replace(end - at_, *infinity);
        } else {
            ++numbers_;
            at_ = end;
        }
        return true;
    }

    /// Puts a number in the place of what stands there.
    void replace(std::size_t size, double value) {
        standard_.text.replace(at_, size, "0" + std::string(size - 1, ' '));
        standard_.values.emplace(numbers_++, value);
        at_ += size;
    }

    StandardJson standard_;
    std::size_t at_ = 0;
    std::size_t numbers_ = 0;  ///< passed
};

}  // namespace

StandardJson standard_json(std::string_view python) {
    Translator translator(python);
    translator.translate();
    return translator.take();
}

}  // namespace alphaprune::formats
