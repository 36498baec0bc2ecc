#include "alphaprune/formats/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "json_reader.hpp"

namespace alphaprune::formats {
namespace {

const support::BadRequest<std::string> kRepeatedMember{
    "formats.repeated-member", "the member {} is given more than once",
    "the file was edited by hand or written by a faulty program", "keep the one that is meant"};

template <class T, class Variant>
std::optional<T> get_if(const Variant& value) {
    if (const T* held = std::get_if<T>(&value)) {
        return *held;
    }
    return std::nullopt;
}

void find_repeats(const Json& value, CappedFaults& faults) {
    for (const std::string_view name : repeated_names(value.members())) {
        faults.add(kRepeatedMember, "", in_quotes(name));
    }
    for (const auto& [name, member] : value.members()) {
        find_repeats(member, faults);
    }
    for (const Json& element : value.elements()) {
        find_repeats(element, faults);
    }
}

std::string string_text(const std::string& value) {
    return nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Keeps a point or an exponent, so that a double is read back as a double.
std::string number_text(double value) {
    if (!std::isfinite(value)) {
        return "null";
    }
    std::string text = fmt::format("{}", value);
    return text.find_first_of(".e") == text.npos ? text + ".0" : text;
}

bool is_scalar(const Json& value) {
    return !value.is_array() && !value.is_object();
}

class JsonWriter {
  public:
    explicit JsonWriter(int indent) : indent_(indent) {}

    std::string take() { return std::move(out_); }

    void write(const Json& value) {
        if (value.is_object()) {
            write_object(value.members());
        } else if (value.is_array()) {
            write_array(value.elements());
        } else if (value.is_string()) {
            out_ += string_text(*value.as_string());
        } else if (value.is_integer()) {
            out_ += fmt::format("{}", *value.as_integer());
        } else if (const auto large = value.as_unsigned()) {
            out_ += fmt::format("{}", *large);
        } else if (value.is_number()) {
            out_ += number_text(*value.as_number());
        } else if (value.is_bool()) {
            out_ += *value.as_bool() ? "true" : "false";
        } else {
            out_ += "null";
        }
    }

  private:
    bool pretty() const { return indent_ >= 0; }

    void break_line() {
        if (pretty()) {
            out_ += '\n';
            out_.append(static_cast<std::size_t>(indent_) * depth_, ' ');
        }
    }

    void write_array(const Json::Array& elements) {
        const bool on_one_line = std::ranges::all_of(elements, is_scalar);
        out_ += '[';
        ++depth_;
        for (bool first = true; const Json& element : elements) {
            separate(first, on_one_line);
            write(element);
        }
        close(']', on_one_line);
    }

    void write_object(const Json::Object& members) {
        out_ += '{';
        ++depth_;
        for (bool first = true; const auto& [name, member] : members) {
            separate(first, false);
            out_ += string_text(name);
            out_ += pretty() ? ": " : ":";
            write(member);
        }
        close('}', members.empty());
    }

    void separate(bool& first, bool on_one_line) {
        if (!first) {
            out_ += on_one_line && pretty() ? ", " : ",";
        }
        if (!on_one_line) {
            break_line();
        }
        first = false;
    }

    void close(char bracket, bool on_one_line) {
        --depth_;
        if (!on_one_line) {
            break_line();
        }
        out_ += bracket;
    }

    int indent_;
    std::size_t depth_ = 0;
    std::string out_;
};

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

std::string Json::dump(int indent) const {
    JsonWriter writer(indent);
    writer.write(*this);
    return writer.take();
}

}  // namespace alphaprune::formats
