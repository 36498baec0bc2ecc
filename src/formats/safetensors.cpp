#include "alphaprune/formats/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <tuple>

#include "alphaprune/support/file.hpp"
#include "json_reader.hpp"
#include "safetensors_entry.hpp"
#include "safetensors_layout.hpp"

namespace alphaprune::formats {
namespace {

static_assert(std::endian::native == std::endian::little, "the formats read are little-endian");

constexpr std::size_t kLengthBytes = 8;
constexpr const char* kNotOne = "check that this is a .safetensors file, and fetch it again";

/// The header's length, which every file starts with, once it is known to lie inside the file.
std::size_t header_length(std::span<const std::byte> head, std::uint64_t file_size,
                          std::string_view where) {
    if (file_size < kLengthBytes || head.size() < kLengthBytes) {
        throw support::bad_request(
            fmt::format("the file is too short for a safetensors file: it has {} "
                        "bytes",
                        file_size),
            std::string(where), kNotOne);
    }
    std::uint64_t length = 0;
    std::memcpy(&length, head.data(), kLengthBytes);
    if (std::memcmp(head.data(), "version ", kLengthBytes) == 0) {
        throw support::bad_request("the file holds a pointer of Git LFS instead of tensors",
                                   std::string(where), "fetch the real file: git lfs pull");
    }
    if (length > kMaxSafetensorsHeader) {
        throw support::bad_request(
            fmt::format("the header claims {} bytes, more than the {} that the "
                        "format allows",
                        length, kMaxSafetensorsHeader),
            std::string(where), kNotOne);
    }
    if (length > file_size - kLengthBytes) {
        throw support::bad_request(
            fmt::format("the header claims {} bytes, longer than the file of {}", length,
                        file_size),
            std::string(where), "the file is truncated or no .safetensors file: fetch it again");
    }
    return static_cast<std::size_t>(length);
}

Json header_document(std::string_view text, std::string_view where) {
    if (!text.starts_with('{')) {
        throw support::bad_request("the header is not a JSON object: it does not start with '{'",
                                   std::string(where), kNotOne);
    }
    return read_json(text, fmt::format("{}, header", where));
}

void parse_metadata(const Json& value, SafetensorsHeader& header, CappedFaults& faults) {
    if (!value.is_object()) {
        faults.add("the header's __metadata__ is not an object of strings", kNotOne);
    }
    for (const std::string_view twice : repeated_names(value.members())) {
        faults.add(fmt::format("the header's __metadata__ has {} more than once", in_quotes(twice)),
                   kNotOne);
    }
    for (const auto& [name, text] : value.members()) {
        if (auto string = text.as_string()) {
            header.metadata.emplace_back(name, std::move(*string));
        } else {
            faults.add(fmt::format("the header's __metadata__ has {}, which is not a string",
                                   in_quotes(name)),
                       kNotOne);
        }
    }
}

void find_duplicates(const Json& document, CappedFaults& faults) {
    for (const std::string_view name : repeated_names(document.members())) {
        faults.add("the header describes this tensor more than once",
                   "save the file again with every tensor once", "tensor " + in_quotes(name));
    }
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::span<const std::byte> head, std::uint64_t file_size,
                                           std::string_view where) {
    const std::size_t length = header_length(head, file_size, where);
    if (head.size() - kLengthBytes < length) {
        throw support::failure(
            fmt::format("only {} of the header's {} bytes were read", head.size() - kLengthBytes,
                        length),
            std::string(where),
            "the file was changed while it was read: run again, and leave it alone");
    }
    const std::string_view text(reinterpret_cast<const char*>(head.data()) + kLengthBytes, length);
    const Json document = header_document(text, where);
    const std::uint64_t data_begin = kLengthBytes + length;

    CappedFaults faults{std::string(where)};
    SafetensorsHeader header;
    bool complete = true;
    find_duplicates(document, faults);
    for (const auto& [name, value] : document.members()) {
        if (name == "__metadata__") {
            parse_metadata(value, header, faults);
        } else if (auto entry = parse_entry(name, value, data_begin, faults)) {
            header.tensors.push_back(std::move(*entry));
        } else {
            complete = false;
        }
    }
    std::ranges::stable_sort(header.tensors, {}, [](const SafetensorsEntry& tensor) {
        return std::pair(tensor.begin, tensor.end);
    });
    check_layout(header.tensors, complete, data_begin, file_size, faults);
    faults.throw_if_any();
    return header;
}

SafetensorsHeader read_safetensors_header(const std::filesystem::path& path) {
    const support::File file = support::File::open_for_reading(path);
    const std::uint64_t size = file.size();
    std::vector<std::byte> head(std::min<std::uint64_t>(size, kLengthBytes));
    file.read_at(0, head);
    head.resize(kLengthBytes + header_length(head, size, path.string()));
    file.read_at(0, head);
    return parse_safetensors_header(head, size, path.string());
}

}  // namespace alphaprune::formats
