#include "name_words.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

namespace alphaprune::model {

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

}  // namespace alphaprune::model
