#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::model {

/// The names one field goes by, the usual one first.
using FieldNames = std::span<const std::string_view>;

/// The first of those names that the object has, null or not; nullptr for none.
const formats::Json* first_member(const formats::Json& object, FieldNames names);

/// No size in a model comes near: a larger number is a slip.
inline constexpr std::int64_t kMaxSize = std::numeric_limits<std::int32_t>::max();

/// Whether a value of the wrong kind is a fault or, in a config of a kind of model that the program
/// does not know, as good as absent.
enum class Reading { strict, lenient };

/// Looks fields up in an object of config.json. null counts as absent.
class ConfigFields {
  public:
    /// @param prefix  goes before the names in messages ("rope_scaling.")
    /// All arguments outlive the reader.
    ConfigFields(const formats::Json& object, std::string_view where, std::string_view prefix,
                 Reading reading, support::FaultList& faults);

    /// A whole number from 1 to `limit`.
    std::optional<std::int64_t> size(FieldNames names, std::int64_t limit = kMaxSize);
    /// A finite number above zero.
    std::optional<double> positive(FieldNames names);
    std::optional<bool> flag(FieldNames names);
    std::optional<std::string> text(FieldNames names);

    const formats::Json* find(FieldNames names) const { return first_member(object_, names); }
    bool is_absent(FieldNames names) const;
    /// In strict reading, a fault when the field is absent.
    void require(FieldNames names) const;
    /// A fault: the field must be `kind`, not `found`.
    void reject(std::string_view name, std::string_view kind, std::string_view found) const;

  private:
    template <class Value, class Convert>
    std::optional<Value> read(FieldNames names, std::string_view kind, Convert convert);

    const formats::Json& object_;
    std::string_view where_;
    std::string_view prefix_;
    Reading reading_;
    support::FaultList& faults_;
};

}  // namespace alphaprune::model
