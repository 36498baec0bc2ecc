#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/formats/safetensors.hpp"

namespace alphaprune::test {

/// A safetensors file in memory: any header text, any claimed length, any amount of data.
inline std::vector<std::byte> safetensors_bytes(std::string_view header, std::size_t data_size,
                                                std::uint64_t claimed_length) {
    std::vector<std::byte> bytes(8 + header.size() + data_size);
    std::memcpy(bytes.data(), &claimed_length, 8);
    std::memcpy(bytes.data() + 8, header.data(), header.size());
    return bytes;
}

inline std::vector<std::byte> safetensors_bytes(std::string_view header, std::size_t data_size) {
    return safetensors_bytes(header, data_size, header.size());
}

/// One member of the header, as "x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}
inline std::string tensor_text(std::string_view name, std::string_view dtype,
                               std::string_view shape, std::string_view offsets) {
    return fmt::format(R"("{}":{{"dtype":"{}","shape":{},"data_offsets":{}}})", name, dtype, shape,
                       offsets);
}

inline formats::SafetensorsHeader parse(std::span<const std::byte> file) {
    return formats::parse_safetensors_header(file, file.size(), "model.safetensors");
}

inline formats::SafetensorsHeader parse(std::string_view header, std::size_t data_size) {
    return parse(safetensors_bytes(header, data_size));
}

}  // namespace alphaprune::test
