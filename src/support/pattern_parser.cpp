#include "pattern_parser.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <optional>
#include <string>

#include "alphaprune/support/error.hpp"

namespace alphaprune {
namespace {

using Step = NamePattern::Step;
using Kind = Step::Kind;
using Bytes = std::bitset<256>;
using Steps = std::vector<Step>;

/// Longer programs than this come from counts such as (a{100}){100}.
constexpr std::size_t kMaxSteps = 4000;
constexpr int kMaxDepth = 40;
constexpr int kMaxCount = 1000;

Bytes range(unsigned char first, unsigned char last) {
    Bytes bytes;
    for (int byte = first; byte <= last; ++byte) {
        bytes.set(static_cast<std::size_t>(byte));
    }
    return bytes;
}

/// \d, \w, \s and their opposites.
std::optional<Bytes> class_named(char letter) {
    const Bytes digits = range('0', '9');
    const Bytes words = digits | range('a', 'z') | range('A', 'Z') | range('_', '_');
    const Bytes spaces = range('\t', '\r') | range(' ', ' ');
    switch (letter) {
        case 'd':
            return digits;
        case 'D':
            return ~digits;
        case 'w':
            return words;
        case 'W':
            return ~words;
        case 's':
            return spaces;
        case 'S':
            return ~spaces;
        default:
            return std::nullopt;
    }
}

Step one_of(const Bytes& bytes) {
    return {Kind::one_of, bytes, 0, 0};
}

int length_of(const Steps& steps) {
    return static_cast<int>(steps.size());
}

/// Recursive descent; its depth is bounded.
class Parser {
  public:
    Parser(std::string_view text, std::string_view where) : text_(text), where_(where) {}

    Steps parse() {
        Steps steps = alternatives();
        if (!done()) {
            reject("a ) that closes nothing");
        }
        steps.push_back({Kind::match, {}, 0, 0});
        return steps;
    }

  private:
    bool done() const { return at_ == text_.size(); }
    bool take(char wanted) {
        const bool there = !done() && text_[at_] == wanted;
        at_ += there ? 1 : 0;
        return there;
    }
    char next(std::string_view what_is_missing) {
        if (done()) {
            reject(what_is_missing);
        }
        return text_[at_++];
    }
    [[noreturn]] void reject(std::string_view what) const {
        throw bad_request(
            fmt::format("the regular expression '{}' is not understood at character {}: {}", text_,
                        at_ + 1, what),
            std::string(where_),
            "a dot in a name is written \\. and any text .*, as in layers\\.[0-3]\\..*_proj");
    }
    void append(Steps& steps, const Steps& more) const {
        if (steps.size() + more.size() > kMaxSteps) {
            reject("it is too large");
        }
        steps.insert(steps.end(), more.begin(), more.end());
    }

    Steps alternatives() {
        if (++depth_ > kMaxDepth) {
            reject("groups are nested too deeply");
        }
        Steps left = sequence();
        while (take('|')) {
            const Steps right = sequence();
            Steps both{{Kind::fork, {}, 1, length_of(left) + 2}};
            append(both, left);
            both.push_back({Kind::jump, {}, length_of(right) + 1, 0});
            append(both, right);
            left = std::move(both);
        }
        --depth_;
        return left;
    }

    Steps sequence() {
        Steps steps;
        while (!done() && text_[at_] != '|' && text_[at_] != ')') {
            append(steps, repeated(part()));
        }
        return steps;
    }

    Steps part() {
        const char c = text_[at_++];
        switch (c) {
            case '(':
                return group();
            case '[':
                return {one_of(bracket())};
            case '\\':
                return {escape()};
            case '.':
                return {one_of(~Bytes())};
            case '^':
                return {{Kind::begin, {}, 0, 0}};
            case '$':
                return {{Kind::end, {}, 0, 0}};
            case '*':
            case '+':
            case '?':
            case '{':
                --at_;
                reject("nothing stands before it that could be repeated");
            default:
                return {
                    one_of(range(static_cast<unsigned char>(c), static_cast<unsigned char>(c)))};
        }
    }

    Steps group() {
        if (take('?') && !take(':')) {
            reject("of groups that begin with ? only (?: ) is known");
        }
        Steps steps = alternatives();
        if (!take(')')) {
            reject("a ) is missing");
        }
        return steps;
    }

    /// The byte that an escape stands for, where it is not a class.
    Bytes escaped_byte(char letter) const {
        constexpr std::string_view kLetters = "tnrfv";
        constexpr std::string_view kBytes = "\t\n\r\f\v";
        const std::size_t known = kLetters.find(letter);
        const bool alphanumeric =
            class_named('w')->test(static_cast<unsigned char>(letter)) && letter != '_';
        if (known == std::string_view::npos && alphanumeric) {
            reject("an escape that is not known");
        }
        const auto byte =
            static_cast<unsigned char>(known == std::string_view::npos ? letter : kBytes[known]);
        return range(byte, byte);
    }

    Step escape() {
        const char letter = next("nothing follows the \\");
        if (letter == 'b' || letter == 'B') {
            return {letter == 'b' ? Kind::word_edge : Kind::no_word_edge, {}, 0, 0};
        }
        const auto known = class_named(letter);
        return one_of(known ? *known : escaped_byte(letter));
    }

    Bytes bracket() {
        constexpr std::string_view kOpen = "a ] is missing";
        const bool negated = take('^');
        Bytes bytes;
        while (!take(']')) {
            const char c = next(kOpen);
            if (c == '\\') {
                const char letter = next(kOpen);
                const auto known = class_named(letter);
                bytes |= known ? *known : escaped_byte(letter);
                continue;
            }
            const auto first = static_cast<unsigned char>(c);
            auto last = first;
            if (at_ + 1 < text_.size() && text_[at_] == '-' && text_[at_ + 1] != ']') {
                ++at_;
                last = static_cast<unsigned char>(next(kOpen));
            }
            if (last < first) {
                reject("a range that ends before it begins");
            }
            bytes |= range(first, last);
        }
        return negated ? ~bytes : bytes;
    }

    Steps repeated(Steps steps) {
        while (!done()) {
            if (take('*')) {
                steps = times(steps, 0, std::nullopt);
            } else if (take('+')) {
                steps = times(steps, 1, std::nullopt);
            } else if (take('?')) {
                steps = times(steps, 0, 1);
            } else if (take('{')) {
                steps = counted(steps);
            } else {
                break;
            }
            take('?');  // as few as possible: the same names match
        }
        return steps;
    }

    int number() {
        constexpr int kTen = 10;
        int value = 0;
        const std::size_t begin = at_;
        while (!done() && text_[at_] >= '0' && text_[at_] <= '9' && value <= kMaxCount) {
            value = kTen * value + (text_[at_++] - '0');
        }
        if (at_ == begin || value > kMaxCount) {
            reject("a count is a number up to 1000");
        }
        return value;
    }

    Steps counted(const Steps& steps) {
        const int least = number();
        std::optional<int> most = least;
        if (take(',')) {
            most.reset();
            if (!done() && text_[at_] != '}') {
                most = number();
            }
        }
        if (!take('}')) {
            reject("a } is missing");
        }
        if (most && *most < least) {
            reject("a count that ends before it begins");
        }
        return times(steps, least, most);
    }

    /// @param most  nothing: as often as one likes
    Steps times(const Steps& steps, int least, std::optional<int> most) const {
        Steps all;
        for (int i = 0; i < least; ++i) {
            append(all, steps);
        }
        const int length = length_of(steps);
        if (!most) {
            append(all, {{Kind::fork, {}, 1, length + 2}});
            append(all, steps);
            append(all, {{Kind::jump, {}, -length - 1, 0}});
        }
        for (int i = least; most && i < *most; ++i) {
            append(all, {{Kind::fork, {}, 1, length + 1}});
            append(all, steps);
        }
        return all;
    }

    std::string_view text_;
    std::string_view where_;
    std::size_t at_ = 0;
    int depth_ = 0;
};

}  // namespace

std::vector<NamePattern::Step> parse_pattern(std::string_view text, std::string_view where) {
    return Parser(text, where).parse();
}

}  // namespace alphaprune
