#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tokens/unicode_text.hpp"

namespace alphaprune::model {

/// A part of a text, in bytes.
struct TextRange {
    std::size_t begin = 0;
    std::size_t end = 0;
};

/// A regular expression over UTF-8 text, in PCRE2's syntax. Not for several threads at once.
class UnicodePattern {
  public:
    /// @param expression  in PCRE2's syntax (pcre2_expression in oniguruma.hpp)
    /// @param where       the file that it comes from, for errors
    /// @throws Error (bad_request) when it is no regular expression
    UnicodePattern(const std::string& expression, std::string where);
    ~UnicodePattern();
    UnicodePattern(UnicodePattern&&) noexcept;
    UnicodePattern& operator=(UnicodePattern&&) = delete;

    /// The first match that begins at `from` or later; nothing when there is none.
    /// @throws Error (bad_request) when the search takes more steps than any sensible pattern needs
    std::optional<TextRange> search(std::string_view text, std::size_t from) const;

    /// Calls `take(range, is_match)` for all of a text: matches, and what lies between them. As in
    /// Oniguruma's iteration, an empty match right after another one is none.
    template <class Take>
    void for_each_part(std::string_view text, Take&& take) const;

  private:
    struct Compiled;
    std::unique_ptr<Compiled> compiled_;
};

template <class Take>
void UnicodePattern::for_each_part(std::string_view text, Take&& take) const {
    std::size_t done = 0;
    std::size_t from = 0;
    std::optional<std::size_t> last_end;
    while (from <= text.size()) {
        const std::optional<TextRange> match = search(text, from);
        if (!match) {
            break;
        }
        if (match->begin == match->end && last_end == match->end) {
            from += from < text.size() ? character_bytes(text[from]) : 1;
            continue;
        }
        if (done != match->begin) {
            take(TextRange{done, match->begin}, false);
        }
        take(*match, true);
        done = from = match->end;
        last_end = match->end;
    }
    if (done != text.size()) {
        take(TextRange{done, text.size()}, false);
    }
}

}  // namespace alphaprune::model
