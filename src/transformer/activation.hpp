#pragma once

#include <span>
#include <string>
#include <string_view>

namespace alphaprune::transformer {

/// Changes values in place, element by element.
using Activation = void (*)(std::span<float>);

/// The function that config.json calls so; nullptr when the program has none of that name.
Activation activation_named(std::string_view name);

/// The names it knows: "silu, swish, relu, …".
std::string activation_names();

}  // namespace alphaprune::transformer
