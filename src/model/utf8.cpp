#include "utf8.hpp"

#include <array>

namespace alphaprune::model {
namespace {

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
