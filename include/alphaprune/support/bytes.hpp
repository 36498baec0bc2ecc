#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "alphaprune/support/message.hpp"

namespace alphaprune::support {

/// A value that travels as its own bytes: all ranks of a job run the same program on machines of
/// one kind.
template <class T>
concept Plain = std::is_arithmetic_v<T> || std::is_enum_v<T>;

/// `Object` is T, or const T on the way out: for visit_fields(bytes, object), which each struct
/// that travels has and which calls the writer or the reader with all its fields.
template <class Object, class T>
concept FieldsOf = std::same_as<std::remove_const_t<Object>, T>;

/// Values one after another as bytes, for the journey between ranks and for records in files. Texts
/// and lists begin with their length, so that anything may stand in them. `bytes(a, b, c)` means
/// the same to the writer and to the reader: one list of fields serves both ways.
class ByteWriter {
  public:
    template <class... Values>
    void operator()(const Values&... values) {
        (put(values), ...);
    }
    std::span<const std::byte> bytes() const { return std::as_bytes(std::span(bytes_)); }
    std::string take() { return std::move(bytes_); }

  private:
    void put_raw(std::span<const std::byte> bytes) {
        bytes_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    void put_count(std::size_t count) { put(static_cast<std::uint64_t>(count)); }

    template <Plain T>
    void put(const T& value) {
        put_raw(std::as_bytes(std::span(&value, 1)));
    }
    void put(std::string_view text) {
        put_count(text.size());
        put_raw(std::as_bytes(std::span(text)));
    }
    void put(const std::string& text) { put(std::string_view(text)); }
    void put(const std::filesystem::path& path) { put(path.string()); }
    template <class First, class Second>
    void put(const std::pair<First, Second>& both) {
        put(both.first);
        put(both.second);
    }
    template <class T>
    void put(const std::optional<T>& value) {
        put(value.has_value());
        if (value) {
            put(*value);
        }
    }
    template <Plain T>
    void put(std::span<const T> values) {
        put_count(values.size());
        put_raw(std::as_bytes(values));
    }
    template <Plain T, std::size_t count>
    void put(const std::array<T, count>& values) {
        put(std::span<const T>(values));
    }
    template <class T>
    void put(const std::vector<T>& items) {
        put_count(items.size());
        if constexpr (Plain<T> && !std::same_as<T, bool>) {
            put_raw(std::as_bytes(std::span(items)));
        } else {
            for (const T& item : items) {
                put(item);
            }
        }
    }
    template <class T>
    requires(!Plain<T>) void put(const T& object) { visit_fields(*this, object); }

    std::string bytes_;
};

inline const Failure<> kDamagedBytes{
    "support.damaged-bytes", "packed data is damaged: it is not as long as what it should hold",
    "ranks run different versions of the program, or a message or file was damaged",
    "run again; if it comes back, the program differs between hosts"};

/// The way back. Lengths are believed only as far as there are bytes: damaged input neither asks
/// for all memory nor keeps anybody for long. @throws Error (failure) where the bytes do not hold
/// what is asked for
class ByteReader {
  public:
    /// What is read must outlive the reader.
    explicit ByteReader(std::span<const std::byte> bytes) : rest_(bytes) {}
    explicit ByteReader(std::string_view bytes) : rest_(std::as_bytes(std::span(bytes))) {}

    template <class... Values>
    void operator()(Values&... values) {
        (read(values), ...);
    }
    template <class T>
    T get() {
        T value{};
        read(value);
        return value;
    }
    /// Whether everything has been taken.
    bool empty() const { return rest_.empty(); }
    /// @throws Error (failure) unless it has
    void finish() const {
        if (!empty()) {
            throw damaged();
        }
    }

  private:
    static Error damaged() { return kDamagedBytes(""); }
    std::span<const std::byte> take(std::uint64_t count, std::size_t size) {
        if (count > rest_.size() / size) {
            throw damaged();
        }
        const auto taken = rest_.first(static_cast<std::size_t>(count) * size);
        rest_ = rest_.subspan(taken.size());
        return taken;
    }
    /// Of things that take a byte each at least.
    std::size_t take_count() {
        const auto count = get<std::uint64_t>();
        if (count > rest_.size()) {
            throw damaged();
        }
        return static_cast<std::size_t>(count);
    }

    template <Plain T>
    void read(T& value) {
        std::memcpy(&value, take(1, sizeof(T)).data(), sizeof(T));
    }
    void read(bool& value) {  // any other byte would be no bool
        const auto byte = get<std::uint8_t>();
        if (byte > 1) {
            throw damaged();
        }
        value = byte == 1;
    }
    void read(std::string& text) {
        const auto bytes = take(get<std::uint64_t>(), 1);
        text.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    void read(std::filesystem::path& path) { path = get<std::string>(); }
    template <class First, class Second>
    void read(std::pair<First, Second>& both) {
        read(both.first);
        read(both.second);
    }
    template <class T>
    void read(std::optional<T>& value) {
        value.reset();
        if (get<bool>()) {
            read(value.emplace());
        }
    }
    template <Plain T, std::size_t count>
    void read(std::array<T, count>& values) {
        if (get<std::uint64_t>() != count) {
            throw damaged();
        }
        std::memcpy(values.data(), take(count, sizeof(T)).data(), count * sizeof(T));
    }
    template <class T>
    void read(std::vector<T>& items) {
        items.clear();
        if constexpr (Plain<T> && !std::same_as<T, bool>) {
            const auto count = get<std::uint64_t>();
            const auto bytes = take(count, sizeof(T));
            items.resize(static_cast<std::size_t>(count));
            if (!bytes.empty()) {
                std::memcpy(items.data(), bytes.data(), bytes.size());
            }
        } else {
            const std::size_t count = take_count();
            for (std::size_t i = 0; i < count; ++i) {  // not reserved: see above
                items.push_back(get<T>());
            }
        }
    }
    template <class T>
    requires(!Plain<T>) void read(T& object) { visit_fields(*this, object); }

    std::span<const std::byte> rest_;
};

}  // namespace alphaprune::support
