#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace alphaprune::test {

/// A .npy file in memory with any dictionary and any data, not padded.
inline std::vector<std::byte> npy_file(std::string_view dictionary, std::span<const std::byte> data,
                                       unsigned char version = 1) {
    std::string text = "\x93NUMPY";
    text += static_cast<char>(version);
    text += '\0';
    const auto length = static_cast<std::uint32_t>(dictionary.size());
    text.append(reinterpret_cast<const char*>(&length), version == 1 ? 2 : 4);
    text += dictionary;
    std::vector<std::byte> bytes(text.size() + data.size());
    std::memcpy(bytes.data(), text.data(), text.size());
    if (!data.empty()) {
        std::memcpy(bytes.data() + text.size(), data.data(), data.size());
    }
    return bytes;
}

inline std::string dictionary(std::string_view descr, std::string_view shape,
                              std::string_view fortran_order = "False") {
    return "{'descr': '" + std::string(descr) +
           "', 'fortran_order': " + std::string(fortran_order) +
           ", 'shape': " + std::string(shape) + ", }\n";
}

template <class Value>
std::vector<std::byte> npy_file(std::string_view descr, std::string_view shape,
                                const std::vector<Value>& values, unsigned char version = 1) {
    return npy_file(dictionary(descr, shape), std::as_bytes(std::span(values)), version);
}

}  // namespace alphaprune::test
