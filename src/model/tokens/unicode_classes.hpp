#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace alphaprune::model {

// Sets of characters as the contents of a PCRE2 class, without its brackets, so that they do not
// depend on the Unicode that PCRE2 knows: characters of Unicode 15 and 16, which PCRE2 10.42 does
// not know, are added by number. (No older character has changed its category since.)

/// A general category ("L", "Lu", "Nd" …) as Oniguruma 6.9.10 has it; nothing for a name that is
/// not known here.
std::optional<std::string> general_category(std::string_view name);

/// Unicode's White_Space, which is Oniguruma's \s, and everything else.
std::string_view white_space_class();
std::string_view no_white_space_class();

/// What the pre-tokenizer Digits takes for a digit: Rust's char::is_numeric, of Unicode 17.
std::string numeric_class();

/// What the pre-tokenizer Punctuation splits off, as an expression of one character: ASCII's, and
/// Unicode's as of version 7.
std::string punctuation_expression();

/// A character of \w in Rust's regular expressions, by which added tokens are words or not.
std::string word_expression();

}  // namespace alphaprune::model
