#include "name_words.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <utility>

#include "alphaprune/support/number.hpp"

namespace alphaprune::model {
namespace {

constexpr std::size_t kMaxDigits = 9;
/// Of a name; real ones have two or three. One of a megabyte full of them must not cost minutes.
constexpr std::size_t kMaxNumbers = 8;

/// Decimal as a program writes it: no sign, no leading zero.
std::optional<std::int64_t> plain_number(std::string_view text) {
    const bool plain =
        is_number(text) && text.size() <= kMaxDigits && (text.size() == 1 || text.front() != '0');
    return plain ? support::number_in<std::int64_t>(text) : std::nullopt;
}

using Words = std::vector<std::string>;

template <std::size_t N>
bool has_word(const Words& words, const std::array<std::string_view, N>& known) {
    return std::ranges::any_of(
        words, [&](const std::string& word) { return std::ranges::count(known, word) > 0; });
}

constexpr std::array<std::string_view, 8> kLinear{"proj",  "projection", "linear", "lin",
                                                  "dense", "fc",         "mlp",    "kernel"};
constexpr std::array<std::string_view, 3> kGates{"gate", "wg", "switch"};
constexpr std::array<std::string_view, 2> kRouters{"router", "routers"};
constexpr std::array<std::string_view, 8> kTables{"wte", "wpe",    "position", "positions",
                                                  "pos", "rotary", "rope",     "bias"};
constexpr std::array<std::string_view, 7> kVectors{"bias",  "scale", "scales", "zeros",
                                                   "gamma", "beta",  "log"};
constexpr std::array<std::string_view, 6> kBuffers{"mask",  "masks", "freq",
                                                   "freqs", "ids",   "cached"};
constexpr std::array<std::string_view, 3> kOutputHeads{"head", "heads", "unembed"};
constexpr std::array<std::string_view, 7> kAdapters{"lora_a",
                                                    "lora_b",
                                                    "lora_up",
                                                    "lora_down",
                                                    "lora_embedding_a",
                                                    "lora_embedding_b",
                                                    "lora_magnitude_vector"};

/// Whether the letters of a word, in either case, occur in it: a fast test that rules out most of
/// the many names.
bool holds(std::string_view part, std::string_view word) {
    const auto are_one = [](char letter, char wanted) {
        return (letter >= 'A' && letter <= 'Z' ? letter + 32 : letter) == wanted;
    };
    return std::search(part.begin(), part.end(), word.begin(), word.end(), are_one) != part.end();
}

bool speaks_of_norm(const std::string& word) {
    return word.find("norm") != std::string::npos || word == "ln" || word == "rms";
}

bool speaks_of_embedding(const std::string& word) {
    return word.starts_with("emb") || word.ends_with("embedding") || word.ends_with("embeddings");
}

}  // namespace

std::optional<NumberedName> after_prefix(std::string_view name, std::string_view prefix) {
    if (!name.starts_with(prefix)) {
        return std::nullopt;
    }
    const std::size_t dot = name.find('.', prefix.size());
    if (dot == std::string_view::npos || dot + 1 == name.size()) {
        return std::nullopt;
    }
    const auto number = plain_number(name.substr(prefix.size(), dot - prefix.size()));
    if (!number) {
        return std::nullopt;
    }
    return NumberedName{name.substr(0, prefix.size()), *number, name.substr(dot + 1)};
}

std::optional<std::int64_t> block_of(std::string_view name, const BlockStack& blocks) {
    const auto part = after_prefix(name, blocks.prefix);
    return part && part->number < blocks.count ? std::optional(part->number) : std::nullopt;
}

std::vector<NumberedName> numbered_parts(std::string_view name) {
    std::vector<NumberedName> parts;
    for (std::size_t dot = name.find('.');
         dot != std::string_view::npos && parts.size() < kMaxNumbers;
         dot = name.find('.', dot + 1)) {
        if (const auto part = after_prefix(name, name.substr(0, dot + 1))) {
            parts.push_back(*part);
        }
    }
    return parts;
}

std::vector<std::string_view> components_of(std::string_view name, char separator) {
    std::vector<std::string_view> parts;
    for (std::size_t begin = 0; begin <= name.size();) {
        const std::size_t end = std::min(name.find(separator, begin), name.size());
        parts.push_back(name.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

std::vector<std::string> words_of(std::string_view part) {
    std::vector<std::string> words;
    std::string word;
    const auto finish = [&] {
        word.resize(word.find_last_not_of("0123456789") + 1);  // npos + 1 is 0
        if (!word.empty()) {
            words.push_back(std::move(word));
        }
        word.clear();
    };
    for (const char c : part) {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
            word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        } else {
            finish();
        }
    }
    finish();
    return words;
}

bool is_norm(const Words& words) {
    return !words.empty() &&
           (speaks_of_norm(words.back()) ||
            (std::ranges::any_of(words, speaks_of_norm) && !has_word(words, kLinear)));
}

bool is_table(const Words& words) {
    const bool speaks_of_table =
        std::ranges::any_of(words, speaks_of_embedding) || has_word(words, kTables);
    return !words.empty() &&
           (speaks_of_embedding(words.back()) || (speaks_of_table && !has_word(words, kLinear)));
}

bool is_convolution(const Words& words) {
    return std::ranges::any_of(words, [](const std::string& word) {
        return word.starts_with("conv") || word.ends_with("conv");
    });
}

bool is_head(const Words& words) {
    return has_word(words, kOutputHeads);
}

bool is_vector(const Words& words) {
    return has_word(words, kVectors);
}

bool is_buffer(const Words& words) {
    return has_word(words, kBuffers);
}

bool is_adapter(std::string_view part) {
    return holds(part, "lora") && std::ranges::any_of(kAdapters, [&](std::string_view adapter) {
               return part.size() == adapter.size() && holds(part, adapter);
           });
}

bool is_number(std::string_view part) {
    return !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_router(std::string_view part) {
    return holds(part, "router") && has_word(words_of(part), kRouters);
}

bool is_gate(std::string_view part) {
    return std::ranges::count(kGates, part) > 0;
}

bool names_experts(std::string_view part, bool shared) {
    if (!holds(part, "expert")) {
        return false;
    }
    const Words words = words_of(part);
    return !words.empty() && (words.back() == "expert" || words.back() == "experts") &&
           (shared || std::ranges::count(words, std::string("shared")) == 0);
}

std::int64_t expert_number(std::string_view part) {
    const std::size_t digits = part.find_last_not_of("0123456789") + 1;  // npos + 1 is 0
    const std::string_view number = part.substr(digits);
    constexpr std::size_t kMaxExpertDigits = 6;
    const bool named = digits == 0 || names_experts(part.substr(0, digits), false);
    if (!named || !is_number(number) || number.size() > kMaxExpertDigits) {
        return -1;
    }
    return support::number_in<std::int64_t>(number).value_or(-1);
}

}  // namespace alphaprune::model
