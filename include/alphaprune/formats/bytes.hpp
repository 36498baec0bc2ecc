#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "alphaprune/support/error.hpp"

namespace alphaprune {

/// Numbers and texts one after another, as the payload of a record.
class ByteWriter {
  public:
    template <class T>
    requires std::is_arithmetic_v<T>
    void put(T value) { put_raw(std::as_bytes(std::span(&value, 1))); }
    void put_text(std::string_view text) {
        put(std::uint64_t{text.size()});
        put_raw(std::as_bytes(std::span(text)));
    }
    template <class T>
    requires std::is_arithmetic_v<T>
    void put_values(std::span<const T> values) {
        put(std::uint64_t{values.size()});
        put_raw(std::as_bytes(values));
    }
    std::span<const std::byte> bytes() const { return std::as_bytes(std::span(bytes_)); }
    std::string take() { return std::move(bytes_); }

  private:
    void put_raw(std::span<const std::byte> bytes) {
        bytes_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }

    std::string bytes_;
};

/// The way back. @throws Error (bad_request) where the bytes end too early
class ByteReader {
  public:
    explicit ByteReader(std::span<const std::byte> bytes) : rest_(bytes) {}

    template <class T>
    requires std::is_arithmetic_v<T> T get() {
        T value;
        std::memcpy(&value, take(1, sizeof(T)).data(), sizeof(T));
        return value;
    }
    std::string get_text() {
        const auto bytes = take(get<std::uint64_t>(), 1);
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
    template <class T>
    requires std::is_arithmetic_v<T> std::vector<T> get_values() {
        const auto count = get<std::uint64_t>();
        const auto bytes = take(count, sizeof(T));
        std::vector<T> values(count);
        if (count > 0) {
            std::memcpy(values.data(), bytes.data(), bytes.size());
        }
        return values;
    }
    /// Whether everything has been taken.
    bool empty() const { return rest_.empty(); }

  private:
    std::span<const std::byte> take(std::uint64_t count, std::size_t size) {
        if (count > rest_.size() / size) {
            throw bad_request("a record is too short for what it holds");
        }
        const auto taken = rest_.first(count * size);
        rest_ = rest_.subspan(count * size);
        return taken;
    }

    std::span<const std::byte> rest_;
};

}  // namespace alphaprune
