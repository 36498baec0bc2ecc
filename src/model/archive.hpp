#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "alphaprune/support/error.hpp"

namespace alphaprune {

/// A value that travels as its own bytes: all ranks of a job run the same program on machines of
/// one kind.
template <class T>
concept Plain = std::is_arithmetic_v<T> || std::is_enum_v<T>;

/// `Object` is T, or const T on the way there: for visit_fields(archive, object), which each struct
/// that travels has and which calls the archive with all its fields.
template <class Object, class T>
concept FieldsOf = std::same_as<std::remove_const_t<Object>, T>;

/// Writes values one after the other. `archive(a, b, c)` means the same to Packer and Unpacker, so
/// that one list of fields serves both ways.
class Packer {
  public:
    template <class... Values>
    void operator()(const Values&... values) {
        (put(values), ...);
    }
    std::string take() { return std::move(text_); }

  private:
    template <Plain T>
    void put(const T& value) {
        text_.append(reinterpret_cast<const char*>(&value), sizeof(T));
    }
    void put(const std::string& text) {
        put(static_cast<std::uint64_t>(text.size()));
        text_ += text;
    }
    void put(const std::filesystem::path& path) { put(path.string()); }
    template <class T>
    void put(const std::optional<T>& value) {
        put(value.has_value());
        if (value) {
            put(*value);
        }
    }
    template <class T>
    void put(const std::vector<T>& items) {
        put(static_cast<std::uint64_t>(items.size()));
        for (const T& item : items) {
            put(item);
        }
    }
    template <class T>
    requires(!Plain<T>) void put(const T& object) { visit_fields(*this, object); }

    std::string text_;
};

/// Reads them back. @throws Error (failure) when the text ends early or goes on
class Unpacker {
  public:
    explicit Unpacker(std::string_view text) : text_(text) {}

    template <class... Values>
    void operator()(Values&... values) {
        (get(values), ...);
    }
    void finish() const {
        if (!text_.empty()) {
            throw damaged();
        }
    }

  private:
    static Error damaged() {
        return failure("the catalogue of the model arrived damaged from rank 0", "",
                       "run again; if it comes back, the program differs between hosts");
    }
    std::string_view next(std::uint64_t bytes) {
        if (bytes > text_.size()) {
            throw damaged();
        }
        const std::string_view part = text_.substr(0, bytes);
        text_.remove_prefix(bytes);
        return part;
    }
    template <Plain T>
    void get(T& value) {
        std::memcpy(&value, next(sizeof(T)).data(), sizeof(T));
    }
    void get(std::string& text) {
        std::uint64_t size = 0;
        get(size);
        text = next(size);
    }
    void get(std::filesystem::path& path) {
        std::string text;
        get(text);
        path = text;
    }
    template <class T>
    void get(std::optional<T>& value) {
        bool present = false;
        get(present);
        value.reset();
        if (present) {
            get(value.emplace());
        }
    }
    template <class T>
    void get(std::vector<T>& items) {
        std::uint64_t size = 0;
        get(size);
        items.clear();
        // Not reserved in advance: a damaged size must not ask for all memory.
        for (std::uint64_t i = 0; i < size; ++i) {
            get(items.emplace_back());
        }
    }
    template <class T>
    requires(!Plain<T>) void get(T& object) { visit_fields(*this, object); }

    std::string_view text_;
};

}  // namespace alphaprune
