#include "alphaprune/formats/bitmask.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace alphaprune::formats {
namespace {

constexpr std::size_t kBitsOfByte = 8;

template <class Bits>
Bits bits_at(const std::byte* bytes) {
    Bits bits;
    std::memcpy(&bits, bytes, sizeof(Bits));
    return bits;
}

/// Values are counted so many bytes at a time, in as many bits as a value has: faster.
constexpr std::size_t kCountedBytes = 128;

/// @param bytes  at most kCountedBytes; where they are known, the compiler makes no loop of them
template <class Bits>
std::uint64_t count_some(const std::byte* dense, std::size_t bytes) {
    Bits count = 0;
    for (std::size_t at = 0; at < bytes; at += sizeof(Bits)) {
        count = static_cast<Bits>(count + (bits_at<Bits>(dense + at) != 0 ? 1 : 0));
    }
    return count;
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

#if defined(__x86_64__)
/// For each byte of a mask, which bytes of eight values of 16 bits are those of the ones that stay,
/// one after another.
constexpr auto kStaying = [] {
    std::array<std::array<std::uint8_t, 16>, 256> all{};
    for (std::size_t mask = 0; mask < all.size(); ++mask) {
        std::size_t next = 0;
        for (std::uint8_t i = 0; i < 16; ++i) {
            if ((mask >> (i / 2) & 1) != 0) {
                all[mask][next++] = i;
            }
        }
    }
    return all;
}();

/// pack_some() of eight values of 16 bits. Writes 16 bytes.
__attribute__((target("ssse3"))) inline std::uint8_t pack_eight(const std::byte* dense,
                                                                std::byte*& values) {
    const __m128i all = _mm_loadu_si128(reinterpret_cast<const __m128i*>(dense));
    const __m128i is_zero = _mm_cmpeq_epi16(all, _mm_setzero_si128());
    const auto mask =
        static_cast<std::uint8_t>(~_mm_movemask_epi8(_mm_packs_epi16(is_zero, is_zero)));
    const __m128i staying =
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(kStaying[mask].data()));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(values), _mm_shuffle_epi8(all, staying));
    values += 2 * std::popcount(mask);
    return mask;
}

/// Packs groups of eight values of 16 bits.
__attribute__((target("ssse3,popcnt"))) std::byte* pack_eights(const std::byte* dense,
                                                               std::span<std::byte> mask,
                                                               std::byte* values) {
    for (std::byte& byte : mask) {
        byte = std::byte{pack_eight(dense, values)};
        dense += kBitsOfByte * sizeof(std::uint16_t);
    }
    return values;
}

bool packs_eights() {
    return __builtin_cpu_supports("ssse3") != 0 && __builtin_cpu_supports("popcnt") != 0;
}
#else
std::byte* pack_eights(const std::byte*, std::span<std::byte>, std::byte* values) {
    return values;
}
bool packs_eights() {
    return false;
}
#endif

/// @param values  with room for all
/// @return the end of those that are not zero
template <class Bits>
std::byte* pack_row(std::span<const std::byte> dense, std::span<std::byte> mask,
                    std::byte* values) {
    constexpr std::size_t kGroup = kBitsOfByte * sizeof(Bits);
    const std::size_t whole = dense.size() / kGroup;
    if (sizeof(Bits) == sizeof(std::uint16_t) && packs_eights()) {
        values = pack_eights(dense.data(), mask.first(whole), values);
    } else {
        for (std::size_t i = 0; i < whole; ++i) {
            mask[i] = std::byte{pack_some<Bits>(dense.data() + i * kGroup, kBitsOfByte, values)};
        }
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

std::uint64_t count_values(std::span<const std::byte> dense, std::size_t value_bytes) {
    std::uint64_t count = 0;
    with_bits(value_bytes, [&](auto bits) {
        std::size_t at = 0;
        for (; at + kCountedBytes <= dense.size(); at += kCountedBytes) {
            count += count_some<decltype(bits)>(dense.data() + at, kCountedBytes);
        }
        count += count_some<decltype(bits)>(dense.data() + at, dense.size() - at);
    });
    return count;
}

std::size_t pack_rows(std::span<const std::byte> dense, std::int64_t cols, std::size_t value_bytes,
                      std::span<std::byte> mask, std::span<std::byte> values) {
    const std::size_t row_bytes = static_cast<std::size_t>(cols) * value_bytes;
    const std::size_t mask_bytes = mask_row_bytes(cols);
    std::byte* end = values.data();
    with_bits(value_bytes, [&](auto bits) {
        for (std::size_t at = 0, row = 0; at < dense.size(); at += row_bytes, ++row) {
            end = pack_row<decltype(bits)>(dense.subspan(at, row_bytes),
                                           mask.subspan(row * mask_bytes, mask_bytes), end);
        }
    });
    return static_cast<std::size_t>(end - values.data()) / value_bytes;
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
