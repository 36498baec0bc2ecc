#pragma once

#include <span>
#include <string>
#include <string_view>

namespace alphaprune::formats {

/// The text of a JSON object without the members of these names, of the object itself and of the
/// objects that are its members; everything else stays as it is written, numbers and spaces, too.
/// @param text  one that Json::parse takes; anything but an object is returned as it is
std::string without_members(std::string_view text, std::span<const std::string_view> names);

}  // namespace alphaprune::formats
