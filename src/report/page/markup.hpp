#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace alphaprune::report {

/// Text made safe for HTML, between tags and inside quoted attributes.
std::string escaped(std::string_view text);

/// To so many significant digits; "–" where it is no number.
std::string number_text(double value, int digits = 4);
/// A metric with three decimals, so that numbers below each other can be compared; very large and
/// very small ones in scientific notation.
std::string metric_text(double value);
/// 1234567 as "1,234,567"
std::string with_separators(std::int64_t value);
/// 0.70001 as "70.00 %"; "–" where it is no number.
std::string percent_text(double share);
/// "3 min 05 s"
std::string duration_text(double seconds);
/// "1 block", "7 blocks": the noun with an s where there are several.
std::string counted(std::int64_t count, std::string_view noun);

/// A command as a POSIX shell reads it: words with other than plain characters in quotes.
std::string shell_line(const std::vector<std::string>& words);

/// A part of the page with a heading; empty when the body is.
/// @param title  already fit for HTML
std::string section(std::string_view id, std::string_view title, const std::string& body);

/// What may be wider than the page and is then scrolled, by keyboard as well.
/// @param label  what a screen reader calls it, already fit for HTML
std::string scrollable(std::string_view label, const std::string& body);

/// The head of a table. @param names  of its columns, fit for HTML
std::string table_head(const std::vector<std::string>& names);

/// What is seen when it is opened. @param summary already fit for HTML
std::string folded(std::string_view summary, const std::string& body, bool open = false);

}  // namespace alphaprune::report
