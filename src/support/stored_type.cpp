#include "alphaprune/support/stored_type.hpp"

#include <algorithm>
#include <array>

namespace alphaprune::support {
namespace {

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
    return "F32, F16 and BF16";
}

std::size_t count_zeros(std::span<const std::byte> stored, const StoredType& type) {
    return type.scalar() ? count_zeros(stored, *type.scalar()) : 0;
}

}  // namespace alphaprune::support
