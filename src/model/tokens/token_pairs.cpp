#include "tokens/token_pairs.hpp"

#include <algorithm>
#include <array>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/auxiliary_files.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::model {
namespace {

const support::BadRequest<> kNoFirstToken{
    "model.no-first-token",
    "an empty context stands for the token that begins a sequence, and the model has none",
    "neither tokenizer_config.json nor config.json names a bos_token or an eos_token",
    "give the items a context, or name the token in tokenizer_config.json"};

constexpr std::string_view kTokenizerSettings = "tokenizer_config.json";

/// "<s>", or {"content": "<s>", …}; empty where there is none.
std::string token_text(const formats::Json& settings, std::string_view name) {
    const formats::Json* token = settings.find(name);
    if (token != nullptr && token->is_object()) {
        token = token->find("content");
    }
    return token != nullptr ? token->as_string().value_or("") : "";
}

/// A number, or the first of a list.
std::optional<std::int32_t> token_id(const formats::Json& configuration, std::string_view name) {
    const formats::Json* id = configuration.find(name);
    if (id != nullptr && !id->elements().empty()) {
        id = &id->elements().front();
    }
    const auto value = id != nullptr ? id->as_integer() : std::nullopt;
    return value ? std::optional(static_cast<std::int32_t>(*value)) : std::nullopt;
}

/// The text of the token that begins a sequence, or else of the one that ends one.
std::string first_token_text(const Catalogue& catalogue) {
    const auto text = read_auxiliary_file(catalogue, kTokenizerSettings);
    if (!text) {
        return "";
    }
    const formats::Json settings =
        formats::Json::parse(*text, place_of_auxiliary_file(catalogue, kTokenizerSettings),
                             formats::JsonDialect::python);
    const std::string begins = token_text(settings, "bos_token");
    return begins.empty() ? token_text(settings, "eos_token") : begins;
}

std::optional<std::int32_t> first_token_id(const Catalogue& catalogue) {
    const formats::Json configuration = formats::Json::parse(
        catalogue.configuration_text, (catalogue.folder / "config.json").string(),
        formats::JsonDialect::python);
    const auto begins = token_id(configuration, "bos_token_id");
    return begins ? begins : token_id(configuration, "eos_token_id");
}

/// Where the last character begins.
std::size_t last_character(std::string_view text) {
    std::size_t begin = text.size() - 1;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0U) == 0x80U) {
        --begin;
    }
    return begin;
}

bool is_white(std::string_view character) {
    static constexpr std::array<std::string_view, 29> kWhite{
        "\t",           "\n",           "\v",           "\f",           "\r",
        "\x1C",         "\x1D",         "\x1E",         "\x1F",         " ",
        "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81",
        "\xE2\x80\x82", "\xE2\x80\x83", "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86",
        "\xE2\x80\x87", "\xE2\x80\x88", "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8",
        "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"};
    return std::ranges::find(kWhite, character) != kWhite.end();
}

}  // namespace

std::string_view without_white_end(std::string_view text) {
    while (!text.empty()) {
        const std::size_t last = last_character(text);
        if (!is_white(text.substr(last))) {
            break;
        }
        text = text.substr(0, last);
    }
    return text;
}

std::int64_t characters_in(std::string_view text) {
    return std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
}

ContextEncoder::ContextEncoder(const Catalogue& catalogue)
    : catalogue_(catalogue),
      encode_(open_tokenizer(catalogue)),
      prefix_text_(first_token_text(catalogue)) {
    if (!prefix_text_.empty()) {
        const std::vector<std::int32_t> ids = encode_(prefix_text_, false);
        if (ids.size() == 1) {
            prefix_ = ids.front();
        }
    }
    if (!prefix_) {
        prefix_ = first_token_id(catalogue);
    }
}

/// A text that begins with the token's own text gets no second one.
std::vector<std::int32_t> ContextEncoder::encode_whole(std::string_view text) const {
    return encode_(text, prefix_text_.empty() || !text.starts_with(prefix_text_));
}

std::int32_t ContextEncoder::first_token() const {
    if (!prefix_) {
        throw kNoFirstToken(catalogue_.folder.string());
    }
    return *prefix_;
}

Continuation ContextEncoder::encode(std::string_view context, std::string_view continuation) {
    Continuation pair;
    if (context.empty()) {
        pair.tokens = encode_(continuation, false);
        if (pair.tokens.empty() || pair.tokens.front() != first_token()) {
            pair.tokens.insert(pair.tokens.begin(), first_token());
        }
        pair.scored = static_cast<std::int64_t>(pair.tokens.size()) - 1;
        return pair;
    }
    const std::string whole = std::string(context) + std::string(continuation);
    const std::string_view before = without_white_end(context);
    if (of_context_.empty() || context_ != before) {
        context_ = before;
        of_context_ = encode_whole(before);
    }
    pair.tokens = encode_whole(whole);
    const std::size_t kept = std::min(of_context_.size(), pair.tokens.size());
    // The context's own tokens are read, even where the two together begin with others.
    std::copy_n(of_context_.begin(), kept, pair.tokens.begin());
    pair.scored = static_cast<std::int64_t>(pair.tokens.size() - kept);
    if (of_context_.empty()) {
        pair.tokens.insert(pair.tokens.begin(), first_token());
    }
    return pair;
}

}  // namespace alphaprune::model
