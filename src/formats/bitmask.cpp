#include "alphaprune/formats/bitmask.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

namespace alphaprune::formats {
namespace {

constexpr std::size_t kBitsOfByte = 8;

template <class Bits>
Bits bits_at(const std::byte* bytes) {
    Bits bits;
    std::memcpy(&bits, bytes, sizeof(Bits));
    return bits;
}

/// Packs up to eight values. Without branches: where zeros are is as good as random.
/// @return the byte of the mask
template <class Bits>
std::uint8_t pack_some(const std::byte* dense, std::size_t count, std::byte*& values) {
    std::uint32_t mask = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const Bits bits = bits_at<Bits>(dense + i * sizeof(Bits));
        const std::uint32_t is_set = bits != 0 ? 1 : 0;
        std::memcpy(values, &bits, sizeof(Bits));
        values += is_set * sizeof(Bits);
        mask |= is_set << i;
    }
    return static_cast<std::uint8_t>(mask);
}

/// @param values  with room for one more than are not zero
/// @return the end of those
template <class Bits>
std::byte* pack_row(std::span<const std::byte> dense, std::span<std::byte> mask,
                    std::byte* values) {
    constexpr std::size_t kGroup = kBitsOfByte * sizeof(Bits);
    const std::size_t whole = dense.size() / kGroup;
    for (std::size_t i = 0; i < whole; ++i) {
        mask[i] = std::byte{pack_some<Bits>(dense.data() + i * kGroup, kBitsOfByte, values)};
    }
    if (const std::size_t rest = dense.size() % kGroup / sizeof(Bits); rest > 0) {
        mask[whole] = std::byte{pack_some<Bits>(dense.data() + whole * kGroup, rest, values)};
    }
    return values;
}

/// @return the first value that is not of the row
template <class Bits>
const std::byte* unpack_row(std::span<const std::byte> mask, const std::byte* values,
                            std::span<std::byte> dense) {
    const std::size_t count = dense.size() / sizeof(Bits);
    for (std::size_t first = 0; first < count; first += kBitsOfByte) {
        auto bits = std::to_integer<std::uint32_t>(mask[first / kBitsOfByte]);
        const std::size_t size = std::min(kBitsOfByte, count - first);
        std::byte* const out = dense.data() + first * sizeof(Bits);
        std::memset(out, 0, size * sizeof(Bits));
        for (; bits != 0; bits &= bits - 1) {
            const auto i = static_cast<std::size_t>(std::countr_zero(bits));
            if (i < size) {
                std::memcpy(out + i * sizeof(Bits), values, sizeof(Bits));
            }
            values += sizeof(Bits);
        }
    }
    return values;
}

/// Calls use with a value of the unsigned type of so many bytes.
template <class Use>
void with_bits(std::size_t value_bytes, Use use) {
    switch (value_bytes) {
        case 1:
            use(std::uint8_t{});
            return;
        case 2:
            use(std::uint16_t{});
            return;
        case 4:
            use(std::uint32_t{});
            return;
        default:
            assert(value_bytes == 8);
            use(std::uint64_t{});
    }
}

}  // namespace

void pack_rows(std::span<const std::byte> dense, std::int64_t cols, std::size_t value_bytes,
               MaskedRows& out) {
    const std::size_t row_bytes = static_cast<std::size_t>(cols) * value_bytes;
    const std::size_t rows = row_bytes == 0 ? 0 : dense.size() / row_bytes;
    const std::size_t mask_bytes = mask_row_bytes(cols);
    out.mask.resize(rows * mask_bytes);
    out.values.resize(dense.size() + value_bytes);
    with_bits(value_bytes, [&](auto bits) {
        std::byte* end = out.values.data();
        for (std::size_t row = 0; row < rows; ++row) {
            end = pack_row<decltype(bits)>(dense.subspan(row * row_bytes, row_bytes),
                                           std::span(out.mask).subspan(row * mask_bytes), end);
        }
        out.values.resize(static_cast<std::size_t>(end - out.values.data()));
    });
}

void unpack_rows(std::span<const std::byte> mask, std::span<const std::byte> values,
                 std::int64_t cols, std::size_t value_bytes, std::span<std::byte> dense) {
    assert(set_bits(mask) * value_bytes == values.size());
    const std::size_t row_bytes = static_cast<std::size_t>(cols) * value_bytes;
    const std::size_t mask_bytes = mask_row_bytes(cols);
    with_bits(value_bytes, [&](auto bits) {
        const std::byte* next = values.data();
        for (std::size_t at = 0, row = 0; at < dense.size(); at += row_bytes, ++row) {
            next = unpack_row<decltype(bits)>(mask.subspan(row * mask_bytes, mask_bytes), next,
                                              dense.subspan(at, row_bytes));
        }
    });
}

std::uint64_t set_bits(std::span<const std::byte> mask) {
    std::uint64_t count = 0;
    std::size_t at = 0;
    for (; at + sizeof(std::uint64_t) <= mask.size(); at += sizeof(std::uint64_t)) {
        count += static_cast<std::uint64_t>(std::popcount(bits_at<std::uint64_t>(&mask[at])));
    }
    for (; at < mask.size(); ++at) {
        count += static_cast<std::uint64_t>(std::popcount(std::to_integer<std::uint8_t>(mask[at])));
    }
    return count;
}

}  // namespace alphaprune::formats
