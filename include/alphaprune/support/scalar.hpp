#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace alphaprune::support {

/// The floating-point types a weight may be stored in.
enum class ScalarType : std::uint8_t { float32, float16, bfloat16 };

/// Bytes of one value.
std::size_t size_of(ScalarType type);

/// The name safetensors uses: F32, F16, BF16.
std::string_view name_of(ScalarType type);

/// The inverse of name_of; nothing for any other name.
std::optional<ScalarType> scalar_type_named(std::string_view name);

float bfloat16_to_float(std::uint16_t bits);
float float16_to_float(std::uint16_t bits);
/// Round to nearest, ties to even; NaN stays NaN.
std::uint16_t float_to_bfloat16(float value);
/// Round to nearest, ties to even; overflow gives infinity; NaN stays NaN.
std::uint16_t float_to_float16(float value);

/// Stored values as float64 or float32, exactly. `stored` holds out.size() values of `type`.
void widen(std::span<const std::byte> stored, ScalarType type, std::span<double> out);
void widen(std::span<const std::byte> stored, ScalarType type, std::span<float> out);

/// float32 values rounded to `type`. `stored` has room for values.size() values.
void narrow(std::span<const float> values, ScalarType type, std::span<std::byte> stored);

/// How many of the stored values are NaN or infinite.
std::size_t count_non_finite(std::span<const std::byte> stored, ScalarType type);

/// How many of the stored values are zero (of either sign).
std::size_t count_zeros(std::span<const std::byte> stored, ScalarType type);

}  // namespace alphaprune::support
