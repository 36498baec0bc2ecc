#include "config_fields.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "alphaprune/support/message.hpp"

namespace alphaprune::model {
namespace {

const support::BadRequest<std::string_view, std::string_view, std::string> kMissingField{
    "model.missing-config-field", "{}{} is missing{}",
    "config.json was edited by hand, or was not saved with the weights",
    "use the config.json that was saved together with the weights"};
const support::BadRequest<std::string_view, std::string_view, std::string_view, std::string_view>
    kWrongField{"model.config-field", "{}{} must be {}, not {}",
                "config.json was edited by hand, or is that of a variant the program does not know",
                "correct that field, or use the config.json that was saved together with the "
                "weights"};

struct Found {
    std::string_view name;
    const formats::Json* value = nullptr;
};

Found first_of(const formats::Json& object, FieldNames names) {
    for (const std::string_view name : names) {
        if (const formats::Json* value = object.find(name)) {
            return {name, value};
        }
    }
    return {};
}

}  // namespace

ConfigFields::ConfigFields(const formats::Json& object, std::string_view where,
                           std::string_view prefix, Reading reading, support::FaultList& faults)
    : object_(object), where_(where), prefix_(prefix), reading_(reading), faults_(faults) {}

const formats::Json* ConfigFields::find(FieldNames names) const {
    return first_of(object_, names).value;
}

bool ConfigFields::is_absent(FieldNames names) const {
    const formats::Json* value = find(names);
    return value == nullptr || value->is_null();
}

template <class Value, class Convert>
std::optional<Value> ConfigFields::read(FieldNames names, std::string_view kind, Convert convert) {
    const auto [name, value] = first_of(object_, names);
    if (value == nullptr || value->is_null()) {
        return std::nullopt;
    }
    std::optional<Value> converted = convert(*value);
    if (!converted && reading_ == Reading::strict) {
        reject(name, kind, value->dump(-1));
    }
    return converted;
}

std::optional<std::int64_t> ConfigFields::size(FieldNames names, std::int64_t limit) {
    const auto convert = [limit](const formats::Json& value) {
        const auto number = value.as_integer();
        return number && *number > 0 && *number <= limit ? number : std::nullopt;
    };
    return read<std::int64_t>(names, fmt::format("a whole number from 1 to {}", limit), convert);
}

std::optional<std::int64_t> ConfigFields::whole(FieldNames names) {
    return read<std::int64_t>(names, "a whole number from 0 on", [](const formats::Json& value) {
        const auto number = value.as_integer();
        return number && *number >= 0 && *number <= kMaxSize ? number : std::nullopt;
    });
}

std::optional<double> ConfigFields::positive(FieldNames names) {
    return read<double>(names, "a number above zero", [](const formats::Json& value) {
        const auto number = value.as_number();
        const bool usable = number && std::isfinite(*number) && *number > 0;
        return usable ? number : std::nullopt;
    });
}

std::vector<double> ConfigFields::numbers(FieldNames names) {
    const auto convert = [](const formats::Json& list) -> std::optional<std::vector<double>> {
        std::vector<double> values;
        for (const formats::Json& element : list.elements()) {
            const auto number = element.as_number();
            if (!number || !std::isfinite(*number)) {
                return std::nullopt;
            }
            values.push_back(*number);
        }
        return values;
    };
    return read<std::vector<double>>(names, "a list of numbers", convert)
        .value_or(std::vector<double>());
}

std::optional<bool> ConfigFields::flag(FieldNames names) {
    return read<bool>(names, "true or false",
                      [](const formats::Json& value) { return value.as_bool(); });
}

std::optional<std::string> ConfigFields::text(FieldNames names) {
    return read<std::string>(names, "a text",
                             [](const formats::Json& value) { return value.as_string(); });
}

void ConfigFields::require(FieldNames names) const {
    if (reading_ == Reading::lenient || !is_absent(names)) {
        return;
    }
    const std::string others =
        names.size() < 2 ? ""
                         : fmt::format(" (or {})", fmt::join(names.begin() + 1, names.end(), ", "));
    faults_.add(kMissingField(std::string(where_), prefix_, *names.begin(), others));
}

void ConfigFields::reject(std::string_view name, std::string_view kind,
                          std::string_view found) const {
    faults_.add(kWrongField(std::string(where_), prefix_, name, kind, found));
}

}  // namespace alphaprune::model
