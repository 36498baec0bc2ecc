#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace alphaprune::formats {

/// What Python's json module reads and the standard does not have, put into words of the standard.
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
