#include "hdf5_checksums.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <string_view>

namespace alphaprune::fuzz {
namespace {

/// Bob Jenkins's lookup3 over bytes, from zero, which HDF5 takes for its metadata.
std::uint32_t lookup3(std::span<const std::uint8_t> key) {
    std::uint32_t a = 0xdeadbeef + static_cast<std::uint32_t>(key.size());
    std::uint32_t b = a;
    std::uint32_t c = a;
    const auto step = [](std::uint32_t& x, std::uint32_t& y, std::uint32_t& z, int bits) {
        x -= z;
        x ^= std::rotl(z, bits);
        z += y;
    };
    const auto take = [&](std::span<const std::uint8_t> part) {
        std::array<std::uint32_t, 3> words{};
        std::memcpy(words.data(), part.data(), part.size());
        a += words[0];
        b += words[1];
        c += words[2];
    };
    while (key.size() > 12) {
        take(key.first(12));
        step(a, b, c, 4);
        step(b, c, a, 6);
        step(c, a, b, 8);
        step(a, b, c, 16);
        step(b, c, a, 19);
        step(c, a, b, 4);
        key = key.subspan(12);
    }
    if (key.empty()) {
        return c;
    }
    take(key);
    const auto end = [](std::uint32_t& x, std::uint32_t y, int bits) {
        x ^= y;
        x -= std::rotl(y, bits);
    };
    end(c, b, 14);
    end(a, c, 11);
    end(b, a, 25);
    end(c, b, 16);
    end(a, c, 4);
    end(b, a, 14);
    end(c, b, 24);
    return c;
}

class Renewal {
  public:
    explicit Renewal(std::span<std::uint8_t> file) : file_(file) {}

    void run() {
        constexpr std::size_t kSuperblock = 44;
        seal(0, kSuperblock);
        for (std::size_t at = 0; at + 4 <= file_.size(); ++at) {
            const std::string_view name(reinterpret_cast<const char*>(file_.data()) + at, 4);
            if (name == "OHDR") {
                renew_header(at);
            } else if (name == "FRHP") {
                renew_heap(at);
            } else if (name == "BTHD") {
                renew_tree(at);
            }
        }
    }

  private:
    template <class T>
    std::optional<T> number(std::size_t at) const {
        T value{};
        if (at > file_.size() || file_.size() - at < sizeof value) {
            return std::nullopt;
        }
        std::memcpy(&value, file_.data() + at, sizeof value);
        return value;
    }

    /// The checksum of `size` bytes goes right behind them.
    void seal(std::size_t at, std::size_t size) {
        if (at < file_.size() && size < file_.size() - at && file_.size() - at - size >= 4) {
            const std::uint32_t sum = lookup3(file_.subspan(at, size));
            std::memcpy(file_.data() + at + size, &sum, sizeof sum);
        }
    }

    void renew_header(std::size_t at) {
        const unsigned flags = number<std::uint8_t>(at + 5).value_or(0);
        const std::size_t width = std::size_t{1} << (flags & 3U);
        const std::size_t size_at =
            at + 6 + ((flags & 0x20U) != 0 ? 16 : 0) + ((flags & 0x10U) != 0 ? 4 : 0);
        const std::uint64_t word = number<std::uint64_t>(size_at).value_or(0);
        const std::uint64_t size = width == 8 ? word : word & ((std::uint64_t{1} << 8 * width) - 1);
        const std::size_t begin = size_at + width;
        if (size > file_.size()) {
            return;
        }
        follow(begin, begin + size, (flags & 4U) != 0 ? 6 : 4, 3);
        seal(at, begin + size - at);
    }

    /// Message after message to those that say where the header goes on.
    void follow(std::size_t at, std::size_t end, std::size_t head, int depth) {
        constexpr std::uint8_t kContinuation = 0x10;
        while (depth > 0 && at + head <= std::min(end, file_.size())) {
            const auto size = number<std::uint16_t>(at + 1).value_or(0);
            const auto place = number<std::uint64_t>(at + head).value_or(0);
            const auto length = number<std::uint64_t>(at + head + 8).value_or(0);
            if (file_[at] == kContinuation && length >= 8 && length <= file_.size() &&
                place <= file_.size() - length) {
                follow(place + 4, place + length - 4, head, depth - 1);
                seal(place, length - 4);
            }
            at += head + size;
        }
    }

    /// The heap and its first block, which holds the checksum near its own begin.
    void renew_heap(std::size_t at) {
        const auto block_size = number<std::uint64_t>(at + 112).value_or(0);
        const auto max_bits = number<std::uint16_t>(at + 128).value_or(0);
        const auto block = number<std::uint64_t>(at + 132).value_or(0);
        const std::size_t sum_at = 13 + (max_bits + 7U) / 8;
        if (block_size <= file_.size() && block <= file_.size() - block_size &&
            sum_at + 4 <= block_size) {
            const auto bytes = file_.subspan(block, block_size);
            std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(sum_at), 4, std::uint8_t{0});
            const std::uint32_t sum = lookup3(bytes);
            std::memcpy(bytes.data() + sum_at, &sum, sizeof sum);
        }
        seal(at, 142);
    }

    /// The tree and its root, when that is a leaf.
    void renew_tree(std::size_t at) {
        const auto record = number<std::uint16_t>(at + 10).value_or(0);
        const auto root = number<std::uint64_t>(at + 16).value_or(0);
        const auto records = number<std::uint16_t>(at + 24).value_or(0);
        seal(root, 6 + std::size_t{record} * records);
        seal(at, 34);
    }

    std::span<std::uint8_t> file_;
};

}  // namespace

void renew_hdf5_checksums(std::span<std::uint8_t> file) {
    Renewal(file).run();
}

}  // namespace alphaprune::fuzz
