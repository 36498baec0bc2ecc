#include "alphaprune/formats/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "capped_faults.hpp"
#include "json_reader.hpp"

namespace alphaprune::formats {
namespace {

template <class T, class Variant>
std::optional<T> get_if(const Variant& value) {
    if (const T* held = std::get_if<T>(&value)) {
        return *held;
    }
    return std::nullopt;
}

void find_repeats(const Json& value, CappedFaults& faults) {
    for (const std::string_view name : repeated_names(value.members())) {
        faults.add(fmt::format("the member {} is given more than once", in_quotes(name)),
                   "keep the one that is meant");
    }
    for (const auto& [name, member] : value.members()) {
        find_repeats(member, faults);
    }
    for (const Json& element : value.elements()) {
        find_repeats(element, faults);
    }
}

}  // namespace

Json::Json(std::uint64_t value) {
    if (value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        value_ = static_cast<std::int64_t>(value);
    } else {
        value_ = value;
    }
}

Json Json::parse(std::string_view text, std::string_view where, JsonDialect dialect) {
    if (dialect == JsonDialect::python) {
        return read_python_json(text, where);
    }
    Json document = read_json(text, where);
    CappedFaults faults{std::string(where)};
    find_repeats(document, faults);
    faults.throw_if_any();
    return document;
}

std::optional<bool> Json::as_bool() const {
    return get_if<bool>(value_);
}

std::optional<std::int64_t> Json::as_integer() const {
    return get_if<std::int64_t>(value_);
}

std::optional<std::uint64_t> Json::as_unsigned() const {
    if (const auto integer = as_integer(); integer && *integer >= 0) {
        return static_cast<std::uint64_t>(*integer);
    }
    return get_if<std::uint64_t>(value_);
}

std::optional<double> Json::as_number() const {
    if (const auto integer = as_integer()) {
        return static_cast<double>(*integer);
    }
    if (const auto large = as_unsigned()) {
        return static_cast<double>(*large);
    }
    return get_if<double>(value_);
}

std::optional<std::string> Json::as_string() const {
    return get_if<std::string>(value_);
}

const Json::Array& Json::elements() const {
    static const Array none;
    const Array* elements = std::get_if<Array>(&value_);
    return elements != nullptr ? *elements : none;
}

const Json::Object& Json::members() const {
    static const Object none;
    const Object* members = std::get_if<Object>(&value_);
    return members != nullptr ? *members : none;
}

const Json* Json::find(std::string_view name) const {
    const auto found = std::ranges::find(members(), name, &Member::first);
    return found != members().end() ? &found->second : nullptr;
}

}  // namespace alphaprune::formats
