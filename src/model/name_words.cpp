#include "name_words.hpp"

#include <algorithm>
#include <cctype>

namespace alphaprune {

std::vector<std::string_view> components_of(std::string_view name) {
    std::vector<std::string_view> parts;
    for (std::size_t begin = 0; begin <= name.size();) {
        const std::size_t end = std::min(name.find('.', begin), name.size());
        parts.push_back(name.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

std::vector<std::string> words_of(std::string_view part) {
    std::vector<std::string> words(1);
    for (const char c : part) {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
            words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        } else if (!words.back().empty()) {
            words.emplace_back();
        }
    }
    std::vector<std::string> bare;
    for (std::string& word : words) {
        const std::size_t last = word.find_last_not_of("0123456789");
        if (last != std::string::npos) {
            bare.push_back(word.substr(0, last + 1));
        }
    }
    return bare;
}

}  // namespace alphaprune
