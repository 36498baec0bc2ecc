#include "alphaprune/formats/json_fields.hpp"

#include <fmt/format.h>

#include <limits>

#include "alphaprune/support/message.hpp"

namespace alphaprune::formats {
namespace {

constexpr const char* kCount = "a whole number of zero or more";
constexpr const char* kMakeAnew = "make the file anew";

const support::BadRequest<std::string> kMissing{
    "formats.missing-field", "field '{}' is missing",
    "the file was changed or written by another program", kMakeAnew};

const support::BadRequest<std::string, std::string_view> kMisfit{
    "formats.field-misfit", "field '{}' is not {}",
    "the file was changed or written by another program", kMakeAnew};

}  // namespace

support::Error JsonField::misfit(std::string_view expected) const {
    return kMisfit(where_, path_.empty() ? "(document)" : path_, expected);
}

JsonField JsonField::operator[](std::string_view name) const {
    if (!value_->is_object()) {
        throw misfit("an object");
    }
    std::string path = path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
    const Json* member = value_->find(name);
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
    for (const Json& element : value_->elements()) {
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

/// The value that the document has there, if it is of the kind expected.
template <class T>
T JsonField::value_or_misfit(std::optional<T> found, std::string_view expected) const {
    if (!found) {
        throw misfit(expected);
    }
    return std::move(*found);
}

void JsonField::read(std::string& text) const {
    text = value_or_misfit(value_->as_string(), "a text");
}

void JsonField::read(double& number) const {
    number = value_or_misfit(value_->as_number(), "a number");
}

void JsonField::read(bool& flag) const {
    flag = value_or_misfit(value_->as_bool(), "true or false");
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
    count = value_or_misfit(value_->as_integer(), kCount);
    if (count < 0) {
        throw misfit(kCount);
    }
}

void JsonField::read(std::uint64_t& count) const {
    count = value_or_misfit(value_->as_unsigned(), kCount);
}

}  // namespace alphaprune::formats
