#include "tokens/tokenizer_part.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "alphaprune/support/message.hpp"

namespace alphaprune::model {
namespace {

const support::BadRequest<std::string, std::string> kNotUnderstood{
    "model.tokenizer-not-understood", "tokenizer.json has {} at '{}', which is not understood",
    "the tokenizer does what this program does not know how to do exactly",
    "give token ids as a .npy file instead of text; in Python: numpy.save(\"tokens.npy\", "
    "numpy.array(tokenizer(text).input_ids, \"int32\"))"};

const support::BadRequest<std::string, std::string> kDamagedTokenizer{
    "model.damaged-tokenizer", "tokenizer.json is damaged: at '{}', {}",
    "the file was cut off or changed after the library `tokenizers` had written it",
    "fetch the file again from where the model came from"};

}  // namespace

TokenizerPart::TokenizerPart(const formats::Json& value, std::string path, std::string where)
    : value_(&value), path_(std::move(path)), where_(std::move(where)) {
    if (!value.is_object()) {
        damaged("there is no object");
    }
}

std::string TokenizerPart::type() const {
    return text("type");
}

void TokenizerPart::allow(std::initializer_list<std::string_view> members) const {
    for (const auto& [name, value] : value_->members()) {
        if (name != "type" && std::ranges::find(members, name) == members.end()) {
            refuse_option(name);
        }
    }
}

const formats::Json* TokenizerPart::find(std::string_view name) const {
    const formats::Json* found = value_->find(name);
    return found == nullptr || found->is_null() ? nullptr : found;
}

const formats::Json& TokenizerPart::at(std::string_view name) const {
    const formats::Json* found = find(name);
    if (found == nullptr) {
        damaged(fmt::format("there is no '{}'", name));
    }
    return *found;
}

template <class T>
T TokenizerPart::value_of(std::string_view name, std::optional<T> found,
                          std::string_view kind) const {
    if (!found) {
        damaged(fmt::format("'{}' is not {}", name, kind));
    }
    return *found;
}

std::string TokenizerPart::text(std::string_view name) const {
    return value_of(name, at(name).as_string(), "a text");
}

TokenizerPart TokenizerPart::part(std::string_view name) const {
    return {at(name), path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name),
            where_};
}

std::vector<TokenizerPart> TokenizerPart::parts(std::string_view name) const {
    const formats::Json& list = at(name);
    if (!list.is_array()) {
        damaged(fmt::format("'{}' is not a list", name));
    }
    std::vector<TokenizerPart> found;
    for (const formats::Json& element : list.elements()) {
        found.emplace_back(
            element, fmt::format("{}{}{}[{}]", path_, path_.empty() ? "" : ".", name, found.size()),
            where_);
    }
    return found;
}

std::int32_t TokenizerPart::id(std::string_view name) const {
    return value_of(name, token_id(at(name)), "an id");
}

bool TokenizerPart::flag(std::string_view name) const {
    return value_of(name, at(name).as_bool(), "true or false");
}

bool TokenizerPart::flag_or(std::string_view name, bool usual) const {
    return find(name) == nullptr ? usual : flag(name);
}

std::string TokenizerPart::text_or(std::string_view name, std::string usual) const {
    return find(name) == nullptr ? usual : text(name);
}

void TokenizerPart::refuse_option(std::string_view name) const {
    const formats::Json* value = value_->find(name);
    std::string shown = value == nullptr ? "" : value->dump(-1);
    if (shown.size() > 100) {
        shown.resize(100);
        shown += "…";
    }
    throw kNotUnderstood(where_, fmt::format("{} = {}", name, shown), path_);
}

void TokenizerPart::refuse_type() const {
    throw kNotUnderstood(where_, "the type " + type(), path_);
}

void TokenizerPart::damaged(std::string_view trouble) const {
    throw kDamagedTokenizer(where_, path_, std::string(trouble));
}

std::optional<std::int32_t> token_id(const formats::Json& value) {
    const std::optional<std::int64_t> number = value.as_integer();
    if (!number || *number < 0 || *number > std::numeric_limits<std::int32_t>::max()) {
        return std::nullopt;
    }
    return static_cast<std::int32_t>(*number);
}

}  // namespace alphaprune::model
