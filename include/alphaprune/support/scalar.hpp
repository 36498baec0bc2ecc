#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace alphaprune::support {

/// The floating-point types a weight may be stored in.
enum class ScalarType : std::uint8_t { float32, float16, bfloat16, float64 };

/// Bytes of one value.
std::size_t size_of(ScalarType type);

/// The name safetensors uses: F32, F16, BF16, F64.
std::string_view name_of(ScalarType type);

/// The inverse of name_of; nothing for any other name.
std::optional<ScalarType> scalar_type_named(std::string_view name);

float bfloat16_to_float(std::uint16_t bits);
float float16_to_float(std::uint16_t bits);
/// Round to nearest, ties to even; NaN stays NaN.
std::uint16_t float_to_bfloat16(float value);
/// Round to nearest, ties to even; overflow gives infinity; NaN stays NaN.
std::uint16_t float_to_float16(float value);

/// Eight bits as safetensors' F8_E4M3 has them (float8_e4m3fn: no infinity, NaN is S.1111.111).
float float8_e4m3_to_float(std::uint8_t bits);
/// As F8_E5M2 has them: the upper half of a float16.
float float8_e5m2_to_float(std::uint8_t bits);
/// As F8_E8M0 has them, a scale: 2^(bits - 127), and NaN for 255.
float float8_e8m0_to_float(std::uint8_t bits);

/// Stored values as float64 or float32, exactly, but that float64 is rounded to float32. `stored`
/// holds out.size() values of `type`.
void widen(std::span<const std::byte> stored, ScalarType type, std::span<double> out);
void widen(std::span<const std::byte> stored, ScalarType type, std::span<float> out);

/// float32 values rounded to `type`. `stored` has room for values.size() values.
void narrow(std::span<const float> values, ScalarType type, std::span<std::byte> stored);

/// How many of the stored values are NaN or infinite; of float64, also those that float32 cannot
/// hold, in which is computed.
std::size_t count_non_finite(std::span<const std::byte> stored, ScalarType type);

/// How many of the stored values are zero (of either sign).
std::size_t count_zeros(std::span<const std::byte> stored, ScalarType type);

/// What the values of a tensor are stored as, by the name that safetensors gives it: a type that is
/// computed with (ScalarType), another one of the format (BOOL, I64, F8_E4M3, F4, …), whose values
/// are only carried, or one that this program has never heard of. There is no way from here to a
/// ScalarType but scalar(), so that no computation is given values it cannot read.
class StoredType {
  public:
    /// A type that is read. Implicit: every ScalarType is a stored type.
    StoredType(ScalarType type = ScalarType::float32);
    /// The type of that name, known or not.
    explicit StoredType(std::string_view name);

    const std::string& name() const { return name_; }
    /// As which the values are read; nothing for a type whose values are only carried.
    std::optional<ScalarType> scalar() const { return scalar_; }
    /// Bits of a value: 4 and 6, too; nothing for a type that is not known.
    std::optional<int> bits() const { return bits_; }

    friend bool operator==(const StoredType& one, const StoredType& other) {
        return one.name_ == other.name_;
    }

  private:
    std::string name_;
    std::optional<ScalarType> scalar_;
    std::optional<int> bits_;
};

/// Whether a text can be a type's name: 1 to 64 letters, digits and _ . + -
bool is_type_name(std::string_view text);

/// "F64, F32, F16 and BF16": the types that are read.
std::string_view scalar_type_names();

/// How many of the stored values are zero; 0 where the values are only carried, whose bytes nobody
/// looks into.
std::size_t count_zeros(std::span<const std::byte> stored, const StoredType& type);

}  // namespace alphaprune::support
