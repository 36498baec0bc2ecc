#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "alphaprune/support/scalar.hpp"

namespace alphaprune::support {

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

/// "F32, F16 and BF16": the types that are read.
std::string_view scalar_type_names();

/// How many of the stored values are zero; 0 where the values are only carried, whose bytes nobody
/// looks into.
std::size_t count_zeros(std::span<const std::byte> stored, const StoredType& type);

}  // namespace alphaprune::support
