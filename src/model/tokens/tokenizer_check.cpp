#include "tokens/tokenizer.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace alphaprune::model {
namespace {

/// The fields of a message of Protocol Buffers, one after another.
class Fields {
  public:
    explicit Fields(std::string_view message) : rest_(message) {}

    struct Field {
        std::uint64_t number;
        std::string_view contents;  ///< of a text or an inner message
    };
    /// Nothing at the end, and where the message is malformed (see is_whole()).
    std::optional<Field> next() {
        if (rest_.empty() || !whole_) {
            return std::nullopt;
        }
        const std::uint64_t key = number();
        Field field{key >> 3U, {}};
        switch (key & 7U) {
            case 0:
                number();
                break;
            case 1:
                take(8);
                break;
            case 2:
                field.contents = take(number());
                break;
            case 5:
                take(4);
                break;
            default:  // groups, which no tokenizer has
                whole_ = false;
        }
        return whole_ ? std::optional(field) : std::nullopt;
    }
    bool is_whole() const { return whole_; }

  private:
    std::uint64_t number() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const std::string_view byte = take(1);
            if (byte.empty()) {
                return 0;
            }
            const auto bits = static_cast<unsigned char>(byte.front());
            value |= static_cast<std::uint64_t>(bits & 0x7FU) << shift;
            if (bits < 0x80) {
                return value;
            }
        }
        whole_ = false;
        return 0;
    }
    std::string_view take(std::uint64_t bytes) {
        if (bytes > rest_.size()) {
            whole_ = false;
            return {};
        }
        const std::string_view taken = rest_.substr(0, bytes);
        rest_.remove_prefix(bytes);
        return taken;
    }

    std::string_view rest_;
    bool whole_ = true;
};

/// One unit of a double-array trie in the layout of Darts-clone.
struct Unit {
    std::uint32_t bits;

    bool is_value() const { return bits >> 31U != 0; }
    bool has_value() const { return (bits >> 8U & 1U) != 0; }
    std::uint32_t value() const { return bits & 0x7FFFFFFFU; }
    std::uint32_t offset() const { return bits >> 10U << ((bits & 0x200U) >> 6U); }
};

/// From each unit every byte of a text may be the next step, and a value may be read, which is an
/// offset into the replacement texts.
bool stays_inside(const std::vector<Unit>& trie, std::size_t text_bytes) {
    for (std::size_t at = 0; at < trie.size(); ++at) {
        const Unit unit = trie[at];
        if (unit.is_value()) {
            continue;
        }
        const std::size_t block = at ^ unit.offset();
        if ((block | 0xFFU) >= trie.size()) {
            return false;
        }
        if (unit.has_value() && trie[block].value() >= text_bytes) {
            return false;
        }
    }
    return true;
}

/// Size of the trie, the trie, and the replacement texts, each terminated by a zero byte.
bool is_safe_charsmap(std::string_view map) {
    if (map.empty()) {
        return true;
    }
    std::uint32_t bytes = 0;
    if (map.size() <= sizeof bytes) {
        return false;
    }
    std::memcpy(&bytes, map.data(), sizeof bytes);
    map.remove_prefix(sizeof bytes);
    if (bytes == 0 || bytes % sizeof(Unit) != 0 || bytes >= map.size() || map.back() != '\0') {
        return false;
    }
    std::vector<Unit> trie(bytes / sizeof(Unit));
    std::memcpy(trie.data(), map.data(), bytes);
    return stays_inside(trie, map.size() - bytes);
}

bool is_safe_normalizer(std::string_view message) {
    constexpr std::uint64_t kCharsmap = 2;
    Fields fields(message);
    while (const auto field = fields.next()) {
        if (field->number == kCharsmap && !is_safe_charsmap(field->contents)) {
            return false;
        }
    }
    return fields.is_whole();
}

/// Well-formed sequences by their first byte (Unicode, table 3-7): the range of the second byte;
/// all that follow are 80 to BF.
struct Form {
    unsigned char first;
    unsigned char last;
    unsigned char length;
    unsigned char second_low;
    unsigned char second_high;
};
constexpr std::array<Form, 9> kForms{{{0x00, 0x7F, 1, 0, 0},
                                      {0xC2, 0xDF, 2, 0x80, 0xBF},
                                      {0xE0, 0xE0, 3, 0xA0, 0xBF},
                                      {0xE1, 0xEC, 3, 0x80, 0xBF},
                                      {0xED, 0xED, 3, 0x80, 0x9F},
                                      {0xEE, 0xEF, 3, 0x80, 0xBF},
                                      {0xF0, 0xF0, 4, 0x90, 0xBF},
                                      {0xF1, 0xF3, 4, 0x80, 0xBF},
                                      {0xF4, 0xF4, 4, 0x80, 0x8F}}};

/// Bytes of the sequence that the text begins with; 0 when it is none.
std::size_t sequence_length(std::string_view text) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    for (const Form& form : kForms) {
        if (byte(0) < form.first || byte(0) > form.last) {
            continue;
        }
        bool good = text.size() >= form.length;
        for (std::size_t at = 1; good && at < form.length; ++at) {
            good = at == 1 ? byte(at) >= form.second_low && byte(at) <= form.second_high
                           : byte(at) >= 0x80 && byte(at) <= 0xBF;
        }
        return good ? form.length : 0;
    }
    return 0;
}

}  // namespace

bool is_safe_tokenizer(std::string_view model) {
    constexpr std::uint64_t kNormalizer = 3;
    constexpr std::uint64_t kDenormalizer = 5;
    Fields fields(model);
    while (const auto field = fields.next()) {
        const bool normalizes = field->number == kNormalizer || field->number == kDenormalizer;
        if (normalizes && !is_safe_normalizer(field->contents)) {
            return false;
        }
    }
    return fields.is_whole();
}

std::optional<std::size_t> first_not_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = sequence_length(text.substr(at));
        if (length == 0) {
            return at;
        }
        at += length;
    }
    return std::nullopt;
}

}  // namespace alphaprune::model
