#include "alphaprune/support/scalar.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>

#include "alphaprune/support/slabs.hpp"

namespace alphaprune::support {
namespace {

struct ScalarTraits {
    ScalarType type;
    std::string_view name;
    std::size_t size;
    std::uint64_t least_infinite;  ///< bits without sign; from here on: NaN or infinity
};

/// float64 from where it rounds to the infinity of float32: the largest float32 and half a unit.
constexpr std::uint64_t kBeyondFloat32 = 0x47EFFFFFF0000000U;

constexpr std::array<ScalarTraits, 4> kScalars{{
    {ScalarType::float32, "F32", 4, 0x7F800000U},
    {ScalarType::float16, "F16", 2, 0x7C00U},
    {ScalarType::bfloat16, "BF16", 2, 0x7F80U},
    {ScalarType::float64, "F64", 8, kBeyondFloat32},
}};

const ScalarTraits& traits_of(ScalarType type) {
    return kScalars[static_cast<std::size_t>(type)];
}

template <class Bits>
Bits load(const std::byte* at) {
    Bits bits;
    std::memcpy(&bits, at, sizeof bits);
    return bits;
}

template <class Real>
void widen_to(std::span<const std::byte> stored, ScalarType type, std::span<Real> out) {
    assert(stored.size() == out.size() * size_of(type));
    const std::byte* from = stored.data();
    switch (type) {
        case ScalarType::float32:
            for (std::size_t i = 0; i < out.size(); ++i) {
                out[i] = std::bit_cast<float>(load<std::uint32_t>(from + 4 * i));
            }
            break;
        case ScalarType::float16:
            for (std::size_t i = 0; i < out.size(); ++i) {
                out[i] = float16_to_float(load<std::uint16_t>(from + 2 * i));
            }
            break;
        case ScalarType::bfloat16:
            for (std::size_t i = 0; i < out.size(); ++i) {
                out[i] = bfloat16_to_float(load<std::uint16_t>(from + 2 * i));
            }
            break;
        case ScalarType::float64:
            for (std::size_t i = 0; i < out.size(); ++i) {
                out[i] =
                    static_cast<Real>(std::bit_cast<double>(load<std::uint64_t>(from + 8 * i)));
            }
            break;
    }
}

/// How many stored values `is(bits)` holds for. Counted in slabs, in a type as wide as the values:
/// so vector units do many at a time.
template <class Bits, class Is>
std::size_t count_bits(std::span<const std::byte> stored, Is is) {
    constexpr std::size_t kSlab = 16384;
    std::size_t found = 0;
    const auto count = [&](std::size_t begin, std::size_t end) {
        Bits in_slab = 0;
        for (std::size_t i = begin; i < end; ++i) {
            const bool it_is = is(load<Bits>(stored.data() + sizeof(Bits) * i));
            in_slab = static_cast<Bits>(in_slab + (it_is ? 1 : 0));
        }
        found += in_slab;
    };
    for_each_slab(stored.size() / sizeof(Bits), kSlab, count);
    return found;
}

template <class Is>
std::size_t count_bits(std::span<const std::byte> stored, ScalarType type, Is is) {
    switch (size_of(type)) {
        case sizeof(std::uint64_t):
            return count_bits<std::uint64_t>(stored, is);
        case sizeof(std::uint32_t):
            return count_bits<std::uint32_t>(stored, is);
        default:
            return count_bits<std::uint16_t>(stored, is);
    }
}

struct KnownType {
    std::string_view name;
    int bits;
};

/// What the safetensors library knows (0.8).
constexpr std::array<KnownType, 22> kKnown{{
    {"F32", 32},    {"F16", 16},        {"BF16", 16},       {"F64", 64},    {"BOOL", 8},
    {"U8", 8},      {"I8", 8},          {"U16", 16},        {"I16", 16},    {"U32", 32},
    {"I32", 32},    {"U64", 64},        {"I64", 64},        {"F8_E4M3", 8}, {"F8_E5M2", 8},
    {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"F6_E2M3", 6}, {"F6_E3M2", 6},
    {"F4", 4},      {"C64", 64},
}};

std::optional<int> bits_of(std::string_view name) {
    const auto found = std::ranges::find(kKnown, name, &KnownType::name);
    return found == kKnown.end() ? std::nullopt : std::optional(found->bits);
}

}  // namespace

std::size_t size_of(ScalarType type) {
    return traits_of(type).size;
}

std::string_view name_of(ScalarType type) {
    return traits_of(type).name;
}

std::optional<ScalarType> scalar_type_named(std::string_view name) {
    const auto found = std::ranges::find(kScalars, name, &ScalarTraits::name);
    return found == kScalars.end() ? std::nullopt : std::optional(found->type);
}

float bfloat16_to_float(std::uint16_t bits) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

float float16_to_float(std::uint16_t bits) {
    const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16;
    const std::uint32_t exponent = (bits >> 10) & 0x1FU;
    const std::uint32_t fraction = bits & 0x3FFU;
    if (exponent == 0x1FU) {
        return std::bit_cast<float>(sign | 0x7F800000U | (fraction << 13));
    }
    if (exponent == 0) {
        const float magnitude = std::ldexp(static_cast<float>(fraction), -24);
        return sign != 0 ? -magnitude : magnitude;
    }
    return std::bit_cast<float>(sign | ((exponent + 112U) << 23) | (fraction << 13));
}

std::uint16_t float_to_bfloat16(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    if (std::isnan(value)) {
        return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
    }
    return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

std::uint16_t float_to_float16(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
    const float magnitude = std::fabs(value);
    if (std::isnan(value)) {
        return static_cast<std::uint16_t>(sign | 0x7E00U);
    }
    if (magnitude >= 65520.0F) {
        return static_cast<std::uint16_t>(sign | 0x7C00U);
    }
    if (magnitude < 0x1p-14F) {  // subnormal: units of 2^-24, rounded by the processor
        return static_cast<std::uint16_t>(
            sign | static_cast<std::uint16_t>(std::nearbyint(magnitude * 0x1p24F)));
    }
    const std::uint32_t rounded = (bits & 0x7FFFFFFFU) + 0xFFFU + ((bits >> 13) & 1U);
    return static_cast<std::uint16_t>(sign | ((rounded - (112U << 23)) >> 13));
}

float float8_e4m3_to_float(std::uint8_t bits) {
    const std::uint32_t magnitude = bits & 0x7FU;
    float value = std::numeric_limits<float>::quiet_NaN();
    if (magnitude != 0x7FU) {
        const auto exponent = static_cast<int>(magnitude >> 3);
        const auto fraction = static_cast<int>(magnitude & 7U);
        value = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -9)
                              : std::ldexp(static_cast<float>(8 + fraction), exponent - 10);
    }
    return (bits & 0x80U) != 0 ? -value : value;
}

float float8_e5m2_to_float(std::uint8_t bits) {
    return float16_to_float(static_cast<std::uint16_t>(bits << 8));
}

float float8_e8m0_to_float(std::uint8_t bits) {
    return bits == 0xFFU ? std::numeric_limits<float>::quiet_NaN()
                         : std::ldexp(1.0F, static_cast<int>(bits) - 127);
}

void widen(std::span<const std::byte> stored, ScalarType type, std::span<double> out) {
    widen_to(stored, type, out);
}

void widen(std::span<const std::byte> stored, ScalarType type, std::span<float> out) {
    widen_to(stored, type, out);
}

void narrow(std::span<const float> values, ScalarType type, std::span<std::byte> stored) {
    assert(stored.size() == values.size() * size_of(type));
    std::byte* to = stored.data();
    if (values.empty()) {
        return;
    }
    if (type == ScalarType::float32) {
        std::memcpy(to, values.data(), values.size_bytes());
        return;
    }
    if (type == ScalarType::float64) {
        for (std::size_t i = 0; i < values.size(); ++i) {
            const auto wide = static_cast<double>(values[i]);
            std::memcpy(to + sizeof wide * i, &wide, sizeof wide);
        }
        return;
    }
    const auto round = type == ScalarType::float16 ? float_to_float16 : float_to_bfloat16;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::uint16_t bits = round(values[i]);
        std::memcpy(to + 2 * i, &bits, 2);
    }
}

std::size_t count_non_finite(std::span<const std::byte> stored, ScalarType type) {
    return count_bits(stored, type, [least = traits_of(type).least_infinite](auto bits) {
        using Bits = decltype(bits);
        constexpr Bits kWithoutSign = static_cast<Bits>(~Bits{0}) >> 1;
        return static_cast<Bits>(bits & kWithoutSign) >= static_cast<Bits>(least);
    });
}

std::size_t count_zeros(std::span<const std::byte> stored, ScalarType type) {
    return count_bits(stored, type, [](auto bits) {
        return static_cast<decltype(bits)>(bits << 1) == 0;  // of either sign
    });
}

StoredType::StoredType(ScalarType type) : StoredType(alphaprune::support::name_of(type)) {}

StoredType::StoredType(std::string_view name)
    : name_(name), scalar_(scalar_type_named(name)), bits_(bits_of(name)) {}

bool is_type_name(std::string_view text) {
    constexpr std::size_t kLongest = 64;
    constexpr std::string_view kLetters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.+-";
    return !text.empty() && text.size() <= kLongest &&
           text.find_first_not_of(kLetters) == std::string_view::npos;
}

std::string_view scalar_type_names() {
    return "F64, F32, F16 and BF16";
}

std::size_t count_zeros(std::span<const std::byte> stored, const StoredType& type) {
    return type.scalar() ? count_zeros(stored, *type.scalar()) : 0;
}

}  // namespace alphaprune::support
