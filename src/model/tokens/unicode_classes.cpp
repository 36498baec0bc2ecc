#include "tokens/unicode_classes.hpp"

#include <array>

namespace alphaprune::model {
namespace {

/// Characters that have come with Unicode 15, 15.1 and 16.
struct LaterCharacters {
    std::string_view category;
    std::string_view characters;
};
constexpr std::array kLaterCharacters{
    LaterCharacters{"Lu", R"(\x{1C89}\x{A7CB}-\x{A7CC}\x{A7DA}\x{A7DC}\x{10D50}-\x{10D65})"},
    LaterCharacters{"Ll", R"(\x{1C8A}\x{A7CD}\x{A7DB}\x{10D70}-\x{10D85}\x{1DF25}-\x{1DF2A})"},
    LaterCharacters{"Lm",
                    R"(\x{10D4E}\x{10D6F}\x{16D40}-\x{16D42}\x{16D6B}-\x{16D6C}\x{1E030}-\x{1E06D})"
                    R"(\x{1E4EB})"},
    LaterCharacters{"Lo",
                    R"(\x{105C0}-\x{105F3}\x{10D4A}-\x{10D4D}\x{10D4F}\x{10EC2}-\x{10EC4})"
                    R"(\x{1123F}-\x{11240}\x{11380}-\x{11389}\x{1138B}\x{1138E}\x{11390}-\x{113B5})"
                    R"(\x{113B7}\x{113D1}\x{113D3}\x{11BC0}-\x{11BE0}\x{11F02}\x{11F04}-\x{11F10})"
                    R"(\x{11F12}-\x{11F33}\x{1342F}\x{13441}-\x{13446}\x{13460}-\x{143FA})"
                    R"(\x{16100}-\x{1611D}\x{16D43}-\x{16D6A}\x{18CFF}\x{1B132}\x{1B155})"
                    R"(\x{1E4D0}-\x{1E4EA}\x{1E5D0}-\x{1E5ED}\x{1E5F0}\x{2B739}\x{2EBF0}-\x{2EE5D})"
                    R"(\x{31350}-\x{323AF})"},
    LaterCharacters{
        "Nd", R"(\x{10D40}-\x{10D49}\x{116D0}-\x{116E3}\x{11BF0}-\x{11BF9}\x{11F50}-\x{11F59})"
              R"(\x{16130}-\x{16139}\x{16D70}-\x{16D79}\x{1CCF0}-\x{1CCF9}\x{1E4F0}-\x{1E4F9})"
              R"(\x{1E5F1}-\x{1E5FA})"},
    LaterCharacters{"No", R"(\x{1D2C0}-\x{1D2D3})"},
    LaterCharacters{"M",
                    R"(\x{897}\x{CF3}\x{ECE}\x{10D69}-\x{10D6D}\x{10EFC}-\x{10EFF}\x{11241})"
                    R"(\x{113B8}-\x{113C0}\x{113C2}\x{113C5}\x{113C7}-\x{113CA}\x{113CC}-\x{113D0})"
                    R"(\x{113D2}\x{113E1}-\x{113E2}\x{11F00}-\x{11F01}\x{11F03}\x{11F34}-\x{11F3A})"
                    R"(\x{11F3E}-\x{11F42}\x{11F5A}\x{13440}\x{13447}-\x{13455}\x{1611E}-\x{1612F})"
                    R"(\x{1E08F}\x{1E4EC}-\x{1E4EF}\x{1E5EE}-\x{1E5EF})"},
    LaterCharacters{
        "P", R"(\x{1B4E}-\x{1B4F}\x{1B7F}\x{10D6E}\x{113D4}-\x{113D5}\x{113D7}-\x{113D8})"
             R"(\x{11B00}-\x{11B09}\x{11BE1}\x{11F43}-\x{11F4F}\x{16D6D}-\x{16D6F}\x{1E5FF})"},
    LaterCharacters{
        "S", R"(\x{2427}-\x{2429}\x{2FFC}-\x{2FFF}\x{31E4}-\x{31E5}\x{31EF}\x{10D8E}-\x{10D8F})"
             R"(\x{1CC00}-\x{1CCEF}\x{1CD00}-\x{1CEB3}\x{1F6DC}\x{1F774}-\x{1F776})"
             R"(\x{1F77B}-\x{1F77F}\x{1F7D9}\x{1F8B2}-\x{1F8BB}\x{1F8C0}-\x{1F8C1})"
             R"(\x{1FA75}-\x{1FA77}\x{1FA87}-\x{1FA89}\x{1FA8F}\x{1FAAD}-\x{1FAAF})"
             R"(\x{1FABB}-\x{1FABF}\x{1FAC6}\x{1FACE}-\x{1FACF}\x{1FADA}-\x{1FADC}\x{1FADF})"
             R"(\x{1FAE8}-\x{1FAE9}\x{1FAF7}-\x{1FAF8}\x{1FBCB}-\x{1FBEF})"},
};
/// Categories that are what they were in Unicode 14.
constexpr std::array<std::string_view, 4> kUnchangedCategories{"Lt", "Nl", "Z", "Zs"};

/// Punctuation that has come with Unicode 8 and later.
constexpr std::string_view kLaterPunctuation =
    R"(\x{61D}\x{9FD}\x{A76}\x{C77}\x{C84}\x{1B4E}-\x{1B4F}\x{1B7D}-\x{1B7F})"
    R"(\x{2E43}-\x{2E4F}\x{2E52}-\x{2E5D}\x{10D6E}\x{10EAD}\x{10F55}-\x{10F59})"
    R"(\x{10F86}-\x{10F89}\x{113D4}-\x{113D5}\x{113D7}-\x{113D8}\x{1144B}-\x{1144F})"
    R"(\x{1145A}-\x{1145B}\x{1145D}\x{11660}-\x{1166C}\x{116B9}\x{1183B})"
    R"(\x{11944}-\x{11946}\x{119E2}\x{11A3F}-\x{11A46}\x{11A9A}-\x{11A9C})"
    R"(\x{11A9E}-\x{11AA2}\x{11B00}-\x{11B09}\x{11BE1}\x{11C41}-\x{11C45})"
    R"(\x{11C70}-\x{11C71}\x{11EF7}-\x{11EF8}\x{11F43}-\x{11F4F}\x{11FFF})"
    R"(\x{12FF1}-\x{12FF2}\x{16D6D}-\x{16D6F}\x{16E97}-\x{16E9A}\x{16FE2}\x{1E5FF})"
    R"(\x{1E95E}-\x{1E95F})";

std::string_view later_characters(std::string_view category) {
    for (const LaterCharacters& later : kLaterCharacters) {
        if (later.category == category) {
            return later.characters;
        }
    }
    return {};
}

}  // namespace

std::optional<std::string> general_category(std::string_view name) {
    std::string characters = R"(\p{)" + std::string(name) + "}";
    if (name == "L") {
        for (const std::string_view part : {"Lu", "Ll", "Lm", "Lo"}) {
            characters += later_characters(part);
        }
        return characters;
    }
    if (name == "N") {
        return characters.append(later_characters("Nd")).append(later_characters("No"));
    }
    for (const std::string_view unchanged : kUnchangedCategories) {
        if (name == unchanged) {
            return characters;
        }
    }
    const std::string_view later = later_characters(name);
    return later.empty() ? std::nullopt : std::optional(characters.append(later));
}

std::string_view white_space_class() {
    return R"(\x{9}-\x{D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F})"
           R"(\x{205F}\x{3000})";
}

std::string_view no_white_space_class() {
    return R"(\x{0}-\x{8}\x{E}-\x{1F}\x{21}-\x{84}\x{86}-\x{9F}\x{A1}-\x{167F}\x{1681}-\x{1FFF})"
           R"(\x{200B}-\x{2027}\x{202A}-\x{202E}\x{2030}-\x{205E}\x{2060}-\x{2FFF})"
           R"(\x{3001}-\x{10FFFF})";
}

std::string numeric_class() {
    return *general_category("N") + R"(\x{11DE0}-\x{11DE9}\x{16FF4}-\x{16FF6})";
}

std::string punctuation_expression() {
    return "(?![" + std::string(kLaterPunctuation) +
           R"(])[\p{P}\x{24}\x{2B}\x{3C}-\x{3E}\x{5E}\x{60}\x{7C}\x{7E}\x{166D}\x{111C9}])";
}

std::string word_expression() {
    return R"([\p{Alphabetic}\x{200C}\x{200D}\p{Pc})" + *general_category("L") +
           *general_category("M") + *general_category("Nd") + "]";
}

}  // namespace alphaprune::model
