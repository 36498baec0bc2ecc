#include "alphaprune/support/control_characters.hpp"

namespace alphaprune::support {
namespace {

/// Those of ASCII.
bool is_control(unsigned char byte) {
    return (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F;
}

/// The second byte of U+0080 to U+009F, which terminals obey, too.
bool is_late_control(unsigned char before, unsigned char byte) {
    return before == 0xC2 && byte >= 0x80 && byte <= 0x9F;
}

}  // namespace

std::string without_control_characters(std::string_view text) {
    std::string shown(text);
    unsigned char before = 0;
    for (char& c : shown) {
        const auto byte = static_cast<unsigned char>(c);
        if (is_control(byte) || is_late_control(before, byte)) {
            c = '?';
        }
        before = byte;
    }
    return shown;
}

}  // namespace alphaprune::support
