#include "alphaprune/formats/json_text.hpp"

#include <algorithm>

namespace alphaprune::formats {
namespace {

std::size_t after_spaces(std::string_view text, std::size_t at) {
    return std::min(text.find_first_not_of(" \t\r\n", at), text.size());
}

/// @param at  of the opening quote
std::size_t after_string(std::string_view text, std::size_t at) {
    for (++at; at < text.size() && text[at] != '"'; ++at) {
        at += text[at] == '\\' ? 1 : 0;
    }
    return std::min(at + 1, text.size());
}

/// @param at  of the first character of a value
std::size_t after_value(std::string_view text, std::size_t at) {
    int depth = 0;
    while (at < text.size()) {
        const char c = text[at];
        if (c == '"') {
            at = after_string(text, at);
        } else if (c == '{' || c == '[') {
            ++depth;
            ++at;
        } else if (c == '}' || c == ']') {
            if (depth == 0) {
                return at;  // of what the value is in
            }
            --depth;
            ++at;
        } else if (depth == 0) {
            return std::min(text.find_first_of(",}] \t\r\n", at), text.size());
        } else {
            ++at;
        }
        if (depth == 0) {
            return at;
        }
    }
    return at;
}

/// @param object  from { to }
/// @param levels  of objects inside it that are searched, too
std::string without(std::string_view object, std::span<const std::string_view> names, int levels) {
    std::string kept = "{";
    bool is_first = true;
    std::size_t begin = 1;  // of a member, with the spaces before it
    while (true) {
        const std::size_t key = after_spaces(object, begin);
        if (key >= object.size() || object[key] != '"') {
            return kept += object.substr(begin);  // an empty object's end
        }
        const std::size_t key_end = after_string(object, key);
        const std::size_t value = after_spaces(object, after_spaces(object, key_end) + 1);
        const std::size_t end = after_value(object, value);
        const std::string_view name = object.substr(key + 1, key_end - key - 2);
        if (std::ranges::find(names, name) == names.end()) {
            kept += is_first ? "" : ",";
            kept += object.substr(begin, value - begin);
            const std::string_view text = object.substr(value, end - value);
            kept += levels > 0 && text.starts_with('{') ? without(text, names, levels - 1)
                                                        : std::string(text);
            is_first = false;
        }
        const std::size_t next = after_spaces(object, end);
        if (next >= object.size() || object[next] != ',') {
            return kept += object.substr(end);
        }
        begin = next + 1;
    }
}

}  // namespace

std::string without_members(std::string_view text, std::span<const std::string_view> names) {
    const std::size_t begin = text.find('{');
    if (begin == std::string_view::npos || text.find_first_of("\"[") < begin) {
        return std::string(text);
    }
    const std::size_t end = after_value(text, begin);
    return std::string(text.substr(0, begin)) + without(text.substr(begin, end - begin), names, 1) +
           std::string(text.substr(end));
}

}  // namespace alphaprune::formats
