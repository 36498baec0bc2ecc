#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace alphaprune::model {

/// The parts of a name between its dots: "mlp.gate.weight" is mlp, gate, weight.
std::vector<std::string_view> components_of(std::string_view name);

/// The words of one or several such parts, in lower case, digits at the end taken off:
/// "input_layernorm" is input, layernorm; "norm2" is norm; "SelfAttention" is selfattention.
std::vector<std::string> words_of(std::string_view part);

}  // namespace alphaprune::model
