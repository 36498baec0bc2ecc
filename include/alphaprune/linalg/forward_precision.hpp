#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace alphaprune::linalg {

/// What the products of a forward pass, activations times weights, are computed in. Sums are in
/// float32 always.
enum class ForwardPrecision {
    float32,  ///< SGEMM
    bf16x2,   ///< bfloat16 operands in two parts: 16 bits of each value count, about 2e-6
    bf16,     ///< bfloat16 operands, rounded once: 8 bits of each value count, about 2e-3
};

inline constexpr std::array kForwardPrecisions{ForwardPrecision::float32, ForwardPrecision::bf16x2,
                                               ForwardPrecision::bf16};

std::string_view name_of(ForwardPrecision precision);
/// nothing for an unknown name
std::optional<ForwardPrecision> forward_precision_named(std::string_view name);

/// Whether this process can multiply in bfloat16: the program was built with oneDNN, the processor
/// has instructions for it (avx512_bf16 or AMX), and ONEDNN_MAX_CPU_ISA does not forbid them.
bool has_bf16_products();
/// @param where  who asks for the precision: an option, say
/// @throws Error (bad_request) when this process cannot do it; float32 is always possible
void require_forward_precision(ForwardPrecision precision, const std::string& where);

}  // namespace alphaprune::linalg
