#include "tokens/normalizers.hpp"

#include <memory>
#include <string_view>

#include "tokens/normal_forms.hpp"
#include "tokens/oniguruma.hpp"
#include "tokens/tokenizer_part.hpp"
#include "tokens/unicode_pattern.hpp"
#include "tokens/unicode_text.hpp"

namespace alphaprune::model {
namespace {

constexpr int kDeepestNormalizer = 16;

Normalizer normal_form(bool composed, bool compatible) {
    return [composed, compatible](std::string& text) {
        text = in_normal_form(text, composed, compatible);
    };
}

void replace_text(std::string& text, const std::string& pattern, const std::string& content) {
    std::string written;
    std::size_t at = 0;
    for (std::size_t found; (found = text.find(pattern, at)) != std::string::npos;) {
        written.append(text, at, found - at).append(content);
        at = found + pattern.size();
    }
    text = std::move(written.append(text, at));
}

void replace_pattern(std::string& text, const UnicodePattern& pattern, const std::string& content) {
    std::string written;
    if (!text.empty()) {
        pattern.for_each_part(text, [&](TextRange range, bool is_match) {
            written += is_match
                           ? content
                           : std::string_view(text).substr(range.begin, range.end - range.begin);
        });
    }
    text = std::move(written);
}

Normalizer replacement(const TokenizerPart& part, bool& keeps_beginning) {
    part.allow({"pattern", "content"});
    const TokenizerPart pattern = part.part("pattern");
    pattern.allow({"String", "Regex"});
    const std::string content = part.text("content");
    if (pattern.find("Regex") != nullptr) {
        keeps_beginning = false;
        const auto compiled = std::make_shared<const UnicodePattern>(
            pcre2_expression(pattern.text("Regex"), part.where()), part.where());
        return
            [compiled, content](std::string& text) { replace_pattern(text, *compiled, content); };
    }
    const std::string literal = pattern.text("String");
    if (literal.empty()) {
        pattern.refuse_option("String");
    }
    keeps_beginning = keeps_beginning && character_bytes(literal[0]) == literal.size() &&
                      !content.empty() && character_bytes(content[0]) == content.size();
    return [literal, content](std::string& text) { replace_text(text, literal, content); };
}

Normalizer prefix(const TokenizerPart& part) {
    part.allow({"prepend"});
    return [prepended = part.text("prepend")](std::string& text) {
        if (!text.empty()) {
            text.insert(0, prepended);
        }
    };
}

Normalizer strip(const TokenizerPart& part) {
    part.allow({"strip_left", "strip_right"});
    const bool left = part.flag("strip_left");
    const bool right = part.flag("strip_right");
    return [left, right](std::string& text) {
        if (right) {
            text.resize(text.size() - trailing_white_space(text));
        }
        if (left) {
            text.erase(0, leading_white_space(text));
        }
    };
}

Normalizer normalizer_of(const TokenizerPart& part, const std::string& type, bool& keeps) {
    if (type == "Replace") {
        return replacement(part, keeps);
    }
    keeps = false;  // a character may become several
    if (type == "Prepend") {
        return prefix(part);
    }
    if (type == "Strip") {
        return strip(part);
    }
    const bool is_normal_form = type == "NFC" || type == "NFD" || type == "NFKC" || type == "NFKD";
    if (type != "Lowercase" && !is_normal_form) {
        part.refuse_type();
    }
    part.allow({});
    if (is_normal_form) {
        return normal_form(type.back() == 'C', type[2] == 'K');
    }
    return [](std::string& text) { text = in_lower_case(text); };
}

void add_normalizers(const TokenizerPart& part, int depth, Normalizers& all) {
    const std::string type = part.type();
    if (type != "Sequence") {
        all.steps.push_back(normalizer_of(part, type, all.keeps_beginning));
        return;
    }
    part.allow({"normalizers"});
    if (depth >= kDeepestNormalizer) {
        part.refuse_option("normalizers");
    }
    for (const TokenizerPart& inner : part.parts("normalizers")) {
        add_normalizers(inner, depth + 1, all);
    }
}

}  // namespace

void Normalizers::apply(std::string& text) const {
    for (const Normalizer& step : steps) {
        step(text);
    }
}

Normalizers read_normalizers(const formats::Json* value, const std::string& where) {
    Normalizers all;
    if (value != nullptr && !value->is_null()) {
        add_normalizers(TokenizerPart(*value, "normalizer", where), 0, all);
    }
    return all;
}

}  // namespace alphaprune::model
