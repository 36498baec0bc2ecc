#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/formats/json.hpp"

namespace alphaprune::formats {

/// Json::parse, except that members named twice stay in the document, so that a caller can report
/// them together with its other findings.
/// @throws Error (bad_request): not JSON, or nested deeper than 64
Json read_json(std::string_view text, std::string_view where);

/// Json::parse by the rules of Python. @throws Error (bad_request) as it does
Json read_python_json(std::string_view text, std::string_view where);

/// The names that stand more than once in the object, each once, sorted.
std::vector<std::string_view> repeated_names(const Json::Object& object);

/// A name from a file in double quotes, safe to print: control characters escaped, and cut when
/// long.
std::string in_quotes(std::string_view name);

/// JSON as Python's json module reads it, translated to what the standard allows.
struct StandardJson {
    std::string text;  ///< as long as the original, the same lines in it
    /// Of the numbers in the text, counted from 0 in their order, those that stand for another
    /// value: an infinity, or NaN.
    std::map<std::size_t, double> values;
};

/// Infinity, -Infinity, NaN and numbers beyond double become numbers that stand for them, half a
/// surrogate pair U+FFFD. The rest, well-formed or not, stays.
StandardJson standard_json(std::string_view python);

}  // namespace alphaprune::formats
