#include "json_fields.hpp"

#include <fmt/format.h>

#include <limits>

#include "alphaprune/support/message.hpp"

namespace alphaprune::report {
namespace {

constexpr const char* kRemedy =
    "the report was changed or written by another program: make it anew";

const support::BadRequest<std::string> kMissing{"report.missing-field", "field '{}' is missing",
                                                "every report of this schema version has it",
                                                kRemedy};

const support::BadRequest<std::string, std::string_view> kMisfit{
    "report.field-misfit", "field '{}' is not {}",
    "report.json does not have the values that its schema asks for", kRemedy};

}  // namespace

support::Error JsonField::misfit(std::string_view expected) const {
    return kMisfit(where_, path_.empty() ? "(document)" : path_, expected);
}

JsonField JsonField::operator[](std::string_view name) const {
    if (!value_->is_object()) {
        throw misfit("an object");
    }
    std::string path = path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
    const formats::Json* member = value_->find(name);
    if (member == nullptr) {
        throw kMissing(where_, path);
    }
    return {*member, std::move(path), where_};
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

void JsonField::read(std::string& text) const {
    auto found = value_->as_string();
    if (!found) {
        throw misfit("a text");
    }
    text = std::move(*found);
}

void JsonField::read(double& number) const {
    const auto found = value_->as_number();
    if (!found) {
        throw misfit("a number");
    }
    number = *found;
}

void JsonField::read(bool& flag) const {
    const auto found = value_->as_bool();
    if (!found) {
        throw misfit("true or false");
    }
    flag = *found;
}

void JsonField::read(int& count) const {
    std::int64_t value = 0;
    read(value);
    if (value > std::numeric_limits<int>::max()) {
        throw misfit("a whole number below 2147483648");
    }
    count = static_cast<int>(value);
}

void JsonField::read(std::int64_t& count) const {
    const auto found = value_->as_integer();
    if (!found || *found < 0) {
        throw misfit("a whole number of zero or more");
    }
    count = *found;
}

void JsonField::read(std::uint64_t& count) const {
    const auto found = value_->as_unsigned();
    if (!found) {
        throw misfit("a whole number of zero or more");
    }
    count = *found;
}

}  // namespace alphaprune::report
