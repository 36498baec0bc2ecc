#include "alphaprune/formats/npy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "alphaprune/support/file.hpp"
#include "alphaprune/support/message.hpp"
#include "npy_header.hpp"

namespace alphaprune::formats {
namespace {

const support::BadRequest<std::size_t> kTokenDimensions{
    "formats.token-dimensions",
    "the array of tokens has {} dimensions instead of one (a text) or two (samples)",
    "the array was saved with another shape than token ids have",
    "reshape it, in Python: array.reshape(-1)"};

constexpr std::array<NpyType, 2> kNumberTypes{{{"<f8", 8}, {"<f4", 4}}};
constexpr std::array<NpyType, 4> kTokenTypes{{{"<i4", 4}, {"<u2", 2}, {"<u4", 4}, {"<i8", 8}}};

template <class Stored, class Value>
std::vector<Value> values_as(std::span<const std::byte> data) {
    std::vector<Value> values(data.size() / sizeof(Stored));
    for (std::size_t i = 0; i < values.size(); ++i) {
        Stored stored;
        std::memcpy(&stored, data.data() + i * sizeof stored, sizeof stored);
        values[i] = static_cast<Value>(stored);
    }
    return values;
}

NpyNumbers numbers_of(NpyHeader header, std::span<const std::byte> data) {
    auto values =
        header.descr == "<f8" ? values_as<double, double>(data) : values_as<float, double>(data);
    return {std::move(header.shape), std::move(values)};
}

std::vector<std::int64_t> token_values(std::string_view descr, std::span<const std::byte> data) {
    if (descr == "<u2") {
        return values_as<std::uint16_t, std::int64_t>(data);
    }
    if (descr == "<i4") {
        return values_as<std::int32_t, std::int64_t>(data);
    }
    if (descr == "<u4") {
        return values_as<std::uint32_t, std::int64_t>(data);
    }
    return values_as<std::int64_t, std::int64_t>(data);
}

void check_dimensions(const NpyHeader& header, std::string_view where) {
    if (header.shape.size() != 1 && header.shape.size() != 2) {
        throw kTokenDimensions(std::string(where), header.shape.size());
    }
}

/// A file whose head is checked before its values are given memory.
struct NpyFile {
    NpyHeader header;
    std::vector<std::byte> data;
};

NpyFile read_npy(const std::filesystem::path& path, std::span<const NpyType> types) {
    const support::File file = support::File::open_for_reading(path);
    const std::uint64_t size = file.size();
    std::vector<std::byte> head(std::min<std::uint64_t>(size, kMaxNpyHead));
    file.read_at(0, head);
    NpyFile npy{parse_npy_header(head, size, types, path.string()), {}};
    npy.data.resize(size - npy.header.data_begin);
    file.read_at(npy.header.data_begin, npy.data);
    return npy;
}

}  // namespace

NpyNumbers parse_npy_numbers(std::span<const std::byte> file, std::string_view where) {
    NpyHeader header = parse_npy_header(file, file.size(), kNumberTypes, where);
    const auto data = file.subspan(header.data_begin);
    return numbers_of(std::move(header), data);
}

NpyNumbers read_npy_numbers(const std::filesystem::path& path) {
    NpyFile npy = read_npy(path, kNumberTypes);
    return numbers_of(std::move(npy.header), npy.data);
}

NpyTokens parse_npy_tokens(std::span<const std::byte> file, std::string_view where) {
    NpyHeader header = parse_npy_header(file, file.size(), kTokenTypes, where);
    check_dimensions(header, where);
    auto values = token_values(header.descr, file.subspan(header.data_begin));
    return {std::move(header.shape), std::move(values)};
}

NpyTokens read_npy_tokens(const std::filesystem::path& path) {
    NpyFile npy = read_npy(path, kTokenTypes);
    check_dimensions(npy.header, path.string());
    auto values = token_values(npy.header.descr, npy.data);
    return {std::move(npy.header.shape), std::move(values)};
}

std::vector<std::byte> npy_bytes(std::span<const double> values) {
    constexpr std::size_t kPrefix = 10;
    constexpr std::size_t kAlignment = 64;
    std::string text =
        fmt::format("{{'descr': '<f8', 'fortran_order': False, 'shape': ({},), }}", values.size());
    const std::size_t whole = (kPrefix + text.size() + kAlignment) / kAlignment * kAlignment;
    text.resize(whole - kPrefix - 1, ' ');
    text += '\n';
    const auto length = static_cast<std::uint16_t>(text.size());

    std::vector<std::byte> bytes(whole + values.size_bytes());
    std::memcpy(bytes.data(), "\x93NUMPY\x01\x00", 8);
    std::memcpy(bytes.data() + 8, &length, sizeof length);
    std::memcpy(bytes.data() + kPrefix, text.data(), text.size());
    std::ranges::copy(std::as_bytes(values), bytes.begin() + static_cast<std::ptrdiff_t>(whole));
    return bytes;
}

void write_npy(const std::filesystem::path& path, std::span<const double> values) {
    support::write_bytes_atomically(path, npy_bytes(values));
}

}  // namespace alphaprune::formats
