#include "npy_header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "alphaprune/support/error.hpp"
#include "element_count.hpp"
#include "json_reader.hpp"
#include "npy_dictionary.hpp"

namespace alphaprune::formats {
namespace {

static_assert(std::endian::native == std::endian::little, "the formats read are little-endian");

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kVersionAt = 6;

/// Where the dictionary stands in the file.
struct TextPlace {
    std::size_t begin = 0;
    std::size_t end = 0;
};

TextPlace text_place(std::string_view head, std::uint64_t file_size, std::string_view where) {
    const bool is_npy = head.starts_with(kMagic) && head.size() >= kVersionAt + 4;
    const auto version = is_npy ? static_cast<unsigned char>(head[kVersionAt]) : 0;
    const std::size_t begin = version == 1 ? 10 : 12;
    if (!is_npy || head.size() < begin) {
        throw support::bad_request("this is not a .npy file", std::string(where),
                                   "write the array with numpy.save");
    }
    if (version < 1 || version > 3) {
        throw support::bad_request(
            fmt::format("version {} of the .npy format is not known", version), std::string(where),
            "write the array with numpy.save (versions 1 to 3)");
    }
    std::uint32_t length = 0;
    std::memcpy(&length, head.data() + kVersionAt + 2, version == 1 ? 2 : 4);
    if (length > file_size - begin) {
        throw support::bad_request(
            fmt::format("the .npy header claims {} bytes, longer than the file of {}", length,
                        file_size),
            std::string(where), "the file is truncated: fetch or write it again");
    }
    if (length > head.size() - begin || length > kMaxNpyHead - begin) {
        throw support::bad_request(
            fmt::format("the .npy header claims {} bytes, more than an array of "
                        "numbers needs",
                        length),
            std::string(where), "write the array again with numpy.save");
    }
    return {begin, begin + length};
}

/// The types' names with a space between. (clang 14 cannot compile libstdc++'s views.)
std::string names_of(std::span<const NpyType> types) {
    std::string names;
    for (const NpyType& type : types) {
        names += fmt::format("{}{}", names.empty() ? "" : " ", type.descr);
    }
    return names;
}

std::size_t element_size(const NpyDictionary& dictionary, std::span<const NpyType> types,
                         std::string_view where) {
    const auto type = std::ranges::find(types, dictionary.descr, &NpyType::descr);
    if (type == types.end()) {
        throw support::bad_request(
            fmt::format("the array's type is {}, not one of {}", in_quotes(dictionary.descr),
                        names_of(types)),
            std::string(where),
            fmt::format("in Python: numpy.save(file, array.astype(\"{}\"))", types.front().descr));
    }
    return type->size;
}

}  // namespace

NpyHeader parse_npy_header(std::span<const std::byte> head, std::uint64_t file_size,
                           std::span<const NpyType> types, std::string_view where) {
    const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
    const TextPlace place = text_place(text, file_size, where);
    NpyDictionary dictionary =
        parse_npy_dictionary(text.substr(place.begin, place.end - place.begin), where);
    const std::size_t size = element_size(dictionary, types, where);
    if (dictionary.fortran_order && dictionary.shape.size() > 1) {
        throw support::bad_request("the array is stored column by column (Fortran order)",
                                   std::string(where),
                                   "in Python: numpy.save(file, numpy.ascontiguousarray(array))");
    }
    const auto bytes = size_of_shape(dictionary.shape, size);
    const std::uint64_t held = file_size - place.end;
    if (bytes != held) {
        throw support::bad_request(
            fmt::format("the file holds {} bytes of values, but its shape needs {}", held,
                        bytes ? fmt::format("{}", *bytes) : "more than can be counted"),
            std::string(where), "the file is truncated or damaged: fetch or write it again");
    }
    return {std::move(dictionary.descr), std::move(dictionary.shape), place.end, *bytes / size};
}

}  // namespace alphaprune::formats
