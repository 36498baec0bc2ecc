#include "npy_header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "alphaprune/support/message.hpp"
#include "header_checks.hpp"
#include "json_reader.hpp"

namespace alphaprune::formats {
namespace {

using support::BadRequest;

const BadRequest<> kNotNpy{"formats.not-npy", "this is not a .npy file",
                           "the file does not begin as numpy's files do",
                           "write the array with numpy.save"};
const BadRequest<int> kUnknownVersion{"formats.npy-version",
                                      "version {} of the .npy format is not known",
                                      "a newer numpy wrote the file, or it is damaged",
                                      "write the array with numpy.save (versions 1 to 3)"};
const BadRequest<std::uint32_t, std::uint64_t> kNpyHeaderBeyondFile{
    "formats.npy-truncated", "the .npy header claims {} bytes, longer than the file of {}",
    "a copy or download was interrupted", "the file is truncated: fetch or write it again"};
const BadRequest<std::uint32_t> kNpyHeaderTooLong{
    "formats.npy-header-length",
    "the .npy header claims {} bytes, more than an array of numbers needs",
    "the file holds a structured array, or is damaged", "write the array again with numpy.save"};
const BadRequest<std::string, std::string, std::string_view> kWrongType{
    "formats.npy-type", "the array's type is {}, not one of {}",
    "token ids must be whole numbers, other values float32 or float64",
    "in Python: numpy.save(file, array.astype(\"{2}\"))"};
const BadRequest<> kFortranOrder{
    "formats.npy-order", "the array is stored column by column (Fortran order)",
    "a transposed array was saved", "in Python: numpy.save(file, numpy.ascontiguousarray(array))"};
const BadRequest<std::uint64_t, std::string> kNpyWrongSize{
    "formats.npy-size", "the file holds {} bytes of values, but its shape needs {}",
    "a copy or download was interrupted",
    "the file is truncated or damaged: fetch or write it again"};
const BadRequest<std::string_view, std::size_t> kHeaderText{
    "formats.npy-header",
    "the .npy header is not as numpy writes it: expected {} at character {} of the header's text",
    "the file holds a structured or object array, was not written by numpy, or is damaged",
    "write the array again with numpy.save (no structured types, no objects)"};

static_assert(std::endian::native == std::endian::little, "the formats read are little-endian");

constexpr std::string_view kNpyMagic = "\x93NUMPY";
constexpr std::size_t kVersionAt = 6;

/// Where the dictionary stands in the file.
struct TextPlace {
    std::size_t begin = 0;
    std::size_t end = 0;
};

TextPlace text_place(std::string_view head, std::uint64_t file_size, std::string_view where) {
    const bool is_npy = head.starts_with(kNpyMagic) && head.size() >= kVersionAt + 4;
    const auto version = is_npy ? static_cast<unsigned char>(head[kVersionAt]) : 0;
    const std::size_t begin = version == 1 ? 10 : 12;
    if (!is_npy || head.size() < begin) {
        throw kNotNpy(std::string(where));
    }
    if (version < 1 || version > 3) {
        throw kUnknownVersion(std::string(where), version);
    }
    std::uint32_t length = 0;
    std::memcpy(&length, head.data() + kVersionAt + 2, version == 1 ? 2 : 4);
    if (length > file_size - begin) {
        throw kNpyHeaderBeyondFile(std::string(where), length, file_size);
    }
    if (length > head.size() - begin || length > kMaxNpyHead - begin) {
        throw kNpyHeaderTooLong(std::string(where), length);
    }
    return {begin, begin + length};
}

/// The Python dictionary at the head of a .npy file.
struct NpyDictionary {
    std::string descr;
    bool fortran_order = false;
    std::vector<std::int64_t> shape;
};

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
        throw kWrongType(std::string(where), in_quotes(dictionary.descr), names_of(types),
                         types.front().descr);
    }
    return type->size;
}

/// Reads exactly what numpy writes: the three members, each once, in any order. What does not fit
/// is an error that says where.
class DictionaryReader {
  public:
    DictionaryReader(std::string_view text, std::string_view where)
        : rest_(text), length_(text.size()), where_(where) {}

    NpyDictionary read() {
        expect('{');
        while (!accept('}')) {
            read_member();
            if (!accept(',')) {
                expect('}');
                break;
            }
        }
        skip_space();
        if (!rest_.empty() || !descr_ || !fortran_order_ || !shape_) {
            refuse("descr, fortran_order and shape, and no more");
        }
        return {*descr_, *fortran_order_, *shape_};
    }

  private:
    void read_member() {
        const std::string name = read_string();
        expect(':');
        if (name == "descr" && !descr_) {
            descr_ = read_string();
        } else if (name == "fortran_order" && !fortran_order_) {
            fortran_order_ = read_bool();
        } else if (name == "shape" && !shape_) {
            shape_ = read_tuple();
        } else {
            refuse("descr, fortran_order and shape, each once");
        }
    }

    std::string read_string() {
        const char quote = accept('"') ? '"' : '\'';
        if (quote == '\'') {
            expect('\'');
        }
        const auto end = rest_.find_first_of("'\"\\\n");
        if (end == rest_.npos || rest_[end] != quote) {
            refuse("a plain string");
        }
        std::string value(rest_.substr(0, end));
        rest_.remove_prefix(end + 1);
        return value;
    }

    bool read_bool() {
        skip_space();
        for (const std::string_view word : {"True", "False"}) {
            if (rest_.starts_with(word)) {
                rest_.remove_prefix(word.size());
                return word == "True";
            }
        }
        refuse("True or False");
    }

    /// As (), (3,) or (3, 4); a lone number in brackets is no tuple in Python.
    std::vector<std::int64_t> read_tuple() {
        std::vector<std::int64_t> values;
        expect('(');
        while (!accept(')')) {
            values.push_back(read_number());
            if (!accept(',')) {
                if (values.size() == 1) {
                    refuse("a comma after the tuple's only number");
                }
                expect(')');
                break;
            }
        }
        return values;
    }

    std::int64_t read_number() {
        skip_space();
        std::int64_t value = 0;
        const auto [end, problem] =
            std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
        if (problem != std::errc{} || value < 0) {
            refuse("a whole number >= 0 that fits 63 bits");
        }
        rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
        return value;
    }

    void skip_space() {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n"), rest_.size()));
    }

    bool accept(char wanted) {
        skip_space();
        const bool there = rest_.starts_with(wanted);
        rest_.remove_prefix(there ? 1 : 0);
        return there;
    }

    void expect(char wanted) {
        if (!accept(wanted)) {
            refuse(fmt::format("'{}'", wanted));
        }
    }

    [[noreturn]] void refuse(std::string_view expected) const {
        throw kHeaderText(std::string(where_), expected, length_ - rest_.size());
    }

    std::string_view rest_;
    std::size_t length_;
    std::string_view where_;
    std::optional<std::string> descr_;
    std::optional<bool> fortran_order_;
    std::optional<std::vector<std::int64_t>> shape_;
};

}  // namespace

NpyHeader parse_npy_header(std::span<const std::byte> head, std::uint64_t file_size,
                           std::span<const NpyType> types, std::string_view where) {
    const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
    const TextPlace place = text_place(text, file_size, where);
    NpyDictionary dictionary =
        DictionaryReader(text.substr(place.begin, place.end - place.begin), where).read();
    const std::size_t size = element_size(dictionary, types, where);
    if (dictionary.fortran_order && dictionary.shape.size() > 1) {
        throw kFortranOrder(std::string(where));
    }
    const auto bytes = size_of_shape(dictionary.shape, size);
    const std::uint64_t held = file_size - place.end;
    if (bytes != held) {
        throw kNpyWrongSize(std::string(where), held,
                            bytes ? fmt::format("{}", *bytes) : "more than can be counted");
    }
    return {std::move(dictionary.descr), std::move(dictionary.shape), place.end, *bytes / size};
}

}  // namespace alphaprune::formats
