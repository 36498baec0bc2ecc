#pragma once

#include <string>
#include <string_view>

namespace alphaprune::model {

/// What Oniguruma calls a regular expression (in the syntax of Ruby, over UTF-8, as the library
/// `tokenizers` uses it), in the words of PCRE2. The two differ in white space (\s), in the Unicode
/// that they know, in what ^, $, {n,m}+, {,m} and options mean; so all but literals is spelled out.
/// @param where  the file that it comes from, for errors
/// @throws Error (bad_request) naming what is not known to mean the same in both: names,
///         references, \w, \b, \h, \X, POSIX classes, intersections of classes, scripts; anything
///         but ASCII letters in a group that ignores case
std::string pcre2_expression(std::string_view pattern, const std::string& where);

/// The expression of a literal text.
std::string literal_expression(std::string_view text);

}  // namespace alphaprune::model
