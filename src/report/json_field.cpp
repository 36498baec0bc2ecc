#include "json_field.hpp"

#include <fmt/format.h>

#include <limits>

namespace alphaprune::report {
namespace {

constexpr auto kRemedy = "the report was changed or written by another program: make it anew";

}  // namespace

support::Error JsonField::misfit(std::string_view expected) const {
    return support::bad_request(
        fmt::format("field '{}' is not {}", path_.empty() ? "(document)" : path_, expected), where_,
        kRemedy);
}

JsonField JsonField::operator[](std::string_view name) const {
    if (!value_->is_object()) {
        throw misfit("an object");
    }
    std::string path = path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
    const formats::Json* member = value_->find(name);
    if (member == nullptr) {
        throw support::bad_request(fmt::format("field '{}' is missing", path), where_, kRemedy);
    }
    return {*member, std::move(path), where_};
}

std::string JsonField::text() const {
    if (auto text = value_->as_string()) {
        return *text;
    }
    throw misfit("a text");
}

double JsonField::number() const {
    if (const auto number = value_->as_number()) {
        return *number;
    }
    throw misfit("a number");
}

bool JsonField::flag() const {
    if (const auto flag = value_->as_bool()) {
        return *flag;
    }
    throw misfit("true or false");
}

std::int64_t JsonField::count() const {
    const auto integer = value_->as_integer();
    if (!integer || *integer < 0) {
        throw misfit("a whole number of zero or more");
    }
    return *integer;
}

int JsonField::small_count() const {
    const std::int64_t value = count();
    if (value > std::numeric_limits<int>::max()) {
        throw misfit("a whole number below 2147483648");
    }
    return static_cast<int>(value);
}

std::vector<JsonField> JsonField::elements() const {
    if (!value_->is_array()) {
        throw misfit("an array");
    }
    std::vector<JsonField> all;
    for (const formats::Json& element : value_->elements()) {
        all.emplace_back(element, fmt::format("{}[{}]", path_, all.size()), where_);
    }
    return all;
}

std::vector<std::string> JsonField::texts() const {
    std::vector<std::string> all;
    for (const JsonField& element : elements()) {
        all.push_back(element.text());
    }
    return all;
}

std::vector<std::pair<std::string, JsonField>> JsonField::members() const {
    if (!value_->is_object()) {
        throw misfit("an object");
    }
    std::vector<std::pair<std::string, JsonField>> all;
    for (const auto& [name, member] : value_->members()) {
        all.emplace_back(name, JsonField(member, fmt::format("{}.{}", path_, name), where_));
    }
    return all;
}

}  // namespace alphaprune::report
