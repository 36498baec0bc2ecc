#pragma once

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

}  // namespace alphaprune::formats
