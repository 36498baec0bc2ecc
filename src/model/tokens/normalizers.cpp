#include "tokens/normalizers.hpp"

#include <utf8proc.h>

#include <cstdlib>
#include <memory>
#include <string_view>

#include "alphaprune/support/message.hpp"
#include "tokens/oniguruma.hpp"
#include "tokens/tokenizer_part.hpp"
#include "tokens/unicode_pattern.hpp"
#include "tokens/unicode_text.hpp"

namespace alphaprune::model {
namespace {

constexpr int kDeepestNormalizer = 16;

bool is_ascii(char byte) {
    return static_cast<unsigned char>(byte) < 0x80;
}

/// A part of a text in a normal form, by utf8proc.
void append_normal_form(std::string& written, std::string_view text, utf8proc_option_t form) {
    utf8proc_uint8_t* made = nullptr;
    const utf8proc_ssize_t bytes =
        utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                     static_cast<utf8proc_ssize_t>(text.size()), &made, form);
    if (bytes < 0) {  // of a text that is UTF-8
        throw support::out_of_memory();
    }
    const std::unique_ptr<utf8proc_uint8_t, void (*)(void*)> owned(made, std::free);
    written.append(reinterpret_cast<const char*>(made), static_cast<std::size_t>(bytes));
}

/// ASCII is in every normal form; of it, only the character before others can be changed by them.
void to_normal_form(std::string& text, utf8proc_option_t form) {
    std::string written;
    written.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        std::size_t other = at;
        while (other < text.size() && is_ascii(text[other])) {
            ++other;
        }
        const std::size_t first = other < text.size() && other > at ? other - 1 : other;
        written.append(text, at, first - at);
        while (other < text.size() && !is_ascii(text[other])) {
            ++other;
        }
        if (first < other) {
            append_normal_form(written, std::string_view(text).substr(first, other - first), form);
        }
        at = other;
    }
    text = std::move(written);
}

Normalizer normal_form(bool composed, bool compatible) {
    const int form = UTF8PROC_STABLE | (composed ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE) |
                     (compatible ? UTF8PROC_COMPAT : 0);
    return
        [form](std::string& text) { to_normal_form(text, static_cast<utf8proc_option_t>(form)); };
}

/// Character by character, wherever they stand; only İ becomes two (i and a dot above).
void to_lower_case(std::string& text) {
    std::string written;
    written.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); at += character_bytes(text[at])) {
        const char32_t character = first_character(std::string_view(text).substr(at));
        if (character == 0x130) {
            written += "i\xCC\x87";
        } else {
            append_character(
                written,
                static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(character))));
        }
    }
    text = std::move(written);
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
    return is_normal_form ? normal_form(type.back() == 'C', type[2] == 'K') : to_lower_case;
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
