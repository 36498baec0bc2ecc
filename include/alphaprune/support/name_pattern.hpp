#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace alphaprune {

/// A regular expression that is looked for in names. The usual syntax: characters, `.`, `[a-z]`,
/// `[^a-z]`, `\d \w \s \D \W \S`, `\b \B`, `^`, `$`, `( )`, `(?: )`, `|`, and behind a part
/// `* + ? {m} {m,} {m,n}`, with `?` after it or not. No look-around and no references to groups.
/// A search takes time in proportion to the length of the name and no stack, whatever the pattern.
class NamePattern {
  public:
    /// @param where  the pattern was written, for errors
    /// @throws Error (bad_request) saying what is wrong with the pattern, and at which character
    explicit NamePattern(std::string_view text, std::string_view where = {});

    /// Whether the pattern matches some part of the name.
    bool found_in(std::string_view name) const;
    const std::string& text() const { return text_; }

    /// A step of the search; jumps are relative to the step itself.
    struct Step {
        enum class Kind { one_of, fork, jump, begin, end, word_edge, no_word_edge, match };
        Kind kind{};
        std::bitset<256> bytes;  ///< for one_of
        int first = 0;           ///< for fork and jump
        int second = 0;          ///< for fork
    };

  private:
    std::string text_;
    std::vector<Step> steps_;
};

}  // namespace alphaprune
