#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace alphaprune::formats {

/// Whose rules a text is read by.
enum class JsonDialect {
    strict,  ///< the standard's, and no member twice
    /// Those of Python's json module, by which transformers reads what it wrote: Infinity,
    /// -Infinity and NaN are numbers, as is what is too large for a double; of members named twice
    /// the last counts, in the place of the first; half a surrogate pair is a character (U+FFFD
    /// here).
    python,
};

/// A JSON value, immutable once built into a document. Objects keep the order of their members.
class Json {
  public:
    using Array = std::vector<Json>;
    using Member = std::pair<std::string, Json>;
    using Object = std::vector<Member>;

    Json() = default;  ///< null
    Json(std::nullptr_t) {}
    Json(bool value) : value_(value) {}
    Json(int value) : value_(std::int64_t{value}) {}
    Json(std::int64_t value) : value_(value) {}
    Json(std::uint64_t value);
    Json(double value) : value_(value) {}  ///< NaN and infinity are written as null
    Json(const char* value) : value_(std::string(value)) {}
    Json(std::string value) : value_(std::move(value)) {}
    Json(std::string_view value) : value_(std::string(value)) {}
    Json(Array value) : value_(std::move(value)) {}
    Json(Object value) : value_(std::move(value)) {}

    /// @param where  names the source in errors: a path, or a tensor file's header
    /// @throws Error (bad_request): not JSON (with line and column), nested deeper than 64, of more
    ///         than ten million values, or, by strict rules, members named twice in one object (all
    ///         of them)
    static Json parse(std::string_view text, std::string_view where,
                      JsonDialect dialect = JsonDialect::strict);

    /// Doubles are written with the fewest digits that read back as the same double, bytes that are
    /// not UTF-8 as U+FFFD, arrays of scalars on one line.
    /// @param indent  spaces a level; negative: everything on one line, without spaces
    std::string dump(int indent = 2) const;

    bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
    bool is_bool() const { return std::holds_alternative<bool>(value_); }
    /// Within the range of int64.
    bool is_integer() const { return std::holds_alternative<std::int64_t>(value_); }
    bool is_number() const {
        return is_integer() || std::holds_alternative<std::uint64_t>(value_) ||
               std::holds_alternative<double>(value_);
    }
    bool is_string() const { return std::holds_alternative<std::string>(value_); }
    bool is_array() const { return std::holds_alternative<Array>(value_); }
    bool is_object() const { return std::holds_alternative<Object>(value_); }

    /// The value as that type, or nothing when it is another.
    std::optional<bool> as_bool() const;
    std::optional<std::int64_t> as_integer() const;
    std::optional<std::uint64_t> as_unsigned() const;
    std::optional<double> as_number() const;
    std::optional<std::string> as_string() const;
    /// Elements of an array; empty for any other value.
    const Array& elements() const;
    /// Members of an object; empty for any other value.
    const Object& members() const;
    /// The member of that name; nullptr when there is none or this is no object.
    const Json* find(std::string_view name) const;

  private:
    /// An unsigned number only where it is beyond int64: one value has one form.
    std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Array,
                 Object>
        value_;
};

}  // namespace alphaprune::formats
