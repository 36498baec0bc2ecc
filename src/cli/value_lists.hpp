#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alphaprune::cli {

/// The parts between commas, in order: of "a,b" a and b; of "" one that is empty.
std::vector<std::string> parts_of(std::string_view list);

/// The numbers of a range FIRST:LAST:STEP, both ends included where the steps meet the last one: as
/// the texts that name the same numbers as typing them would, with as many decimals as the range
/// was written with. "0.1:0.4:0.1" is 0.1, 0.2, 0.3 and 0.4.
/// @return  nothing where this is no range: a part is no number, LAST lies below FIRST, STEP is not
///          positive, or there would be more than kMostValues
std::optional<std::vector<std::string>> range_of(std::string_view text);
inline constexpr int kMostValues = 1000;

/// A list whose parts are values or ranges, each value once and in the order of the first mention.
/// @return  nothing where a part with a colon is no range
std::optional<std::vector<std::string>> numbers_of(std::string_view list);

}  // namespace alphaprune::cli
