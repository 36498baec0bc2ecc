#include "alphaprune/formats/npy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "alphaprune/formats/safetensors.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/message.hpp"
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

const BadRequest<std::size_t> kTokenDimensions{
    "formats.token-dimensions",
    "the array of tokens has {} dimensions instead of one (a text) or two (samples)",
    "the array was saved with another shape than token ids have",
    "reshape it, in Python: array.reshape(-1)"};

static_assert(std::endian::native == std::endian::little, "the formats read are little-endian");

constexpr std::string_view kNpyMagic = "\x93NUMPY";
constexpr std::size_t kVersionAt = 6;

/// No header of an array of numbers is longer; numpy itself warns from 10000 bytes on.
constexpr std::size_t kMaxNpyHead = 65536;

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

/// An element type that a reader takes.
template <class Value>
struct NpyType {
    std::string_view descr;  ///< numpy's name of it, as <f8
    std::size_t size;
    std::vector<Value> (*values_of)(std::span<const std::byte>);
};

template <class Value, class Stored>
constexpr NpyType<Value> npy_type(std::string_view descr) {
    return {descr, sizeof(Stored), values_as<Stored, Value>};
}

// The first of each is advised to the user.
constexpr std::array kNumberTypes{npy_type<double, double>("<f8"), npy_type<double, float>("<f4")};
constexpr std::array kTokenTypes{
    npy_type<std::int64_t, std::int32_t>("<i4"), npy_type<std::int64_t, std::uint16_t>("<u2"),
    npy_type<std::int64_t, std::uint32_t>("<u4"), npy_type<std::int64_t, std::int64_t>("<i8")};

template <class Value>
const NpyType<Value>& type_of(const NpyDictionary& dictionary,
                              std::span<const NpyType<Value>> types, std::string_view where) {
    const auto found = std::ranges::find(types, dictionary.descr, &NpyType<Value>::descr);
    if (found != types.end()) {
        return *found;
    }
    std::string names;
    for (const NpyType<Value>& type : types) {
        names += fmt::format("{}{}", names.empty() ? "" : " ", type.descr);
    }
    throw kWrongType(std::string(where), in_quotes(dictionary.descr), names, types.front().descr);
}

/// The head of a .npy file, checked against the file's size.
template <class Value>
struct NpyHead {
    const NpyType<Value>* type;
    std::vector<std::int64_t> shape;
    std::size_t data_begin;  ///< where in the file the values start
};

/// @param head       the first bytes of the file: all of it, or at least kMaxNpyHead
/// @param file_size  size of the whole file in bytes
template <class Value>
NpyHead<Value> parse_head(std::span<const std::byte> head, std::uint64_t file_size,
                          std::span<const NpyType<Value>> types, std::string_view where) {
    const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
    const TextPlace place = text_place(text, file_size, where);
    NpyDictionary dictionary =
        DictionaryReader(text.substr(place.begin, place.end - place.begin), where).read();
    const NpyType<Value>& type = type_of(dictionary, types, where);
    const std::size_t dimensions = dictionary.shape.size();
    if (dictionary.fortran_order && dimensions > 1) {
        throw kFortranOrder(std::string(where));
    }
    const auto bytes = size_of_shape(dictionary.shape, type.size);
    const std::uint64_t held = file_size - place.end;
    if (bytes != held) {
        throw kNpyWrongSize(std::string(where), held,
                            bytes ? fmt::format("{}", *bytes) : "more than can be counted");
    }
    if (std::is_integral_v<Value> && dimensions != 1 && dimensions != 2) {
        throw kTokenDimensions(std::string(where), dimensions);
    }
    return {&type, std::move(dictionary.shape), place.end};
}

template <class Value>
NpyArray<Value> parse_npy(std::span<const std::byte> file, std::span<const NpyType<Value>> types,
                          std::string_view where) {
    NpyHead<Value> head = parse_head(file, file.size(), types, where);
    return {std::move(head.shape), head.type->values_of(file.subspan(head.data_begin))};
}

/// The head is checked before the values are given memory.
template <class Value>
NpyArray<Value> read_npy(const std::filesystem::path& path, std::span<const NpyType<Value>> types) {
    const support::File file = support::File::open_for_reading(path);
    const std::uint64_t size = file.size();
    std::vector<std::byte> bytes(std::min<std::uint64_t>(size, kMaxNpyHead));
    file.read_at(0, bytes);
    NpyHead<Value> head = parse_head(std::span<const std::byte>(bytes), size, types, path.string());
    bytes.resize(size - head.data_begin);
    file.read_at(head.data_begin, bytes);
    return {std::move(head.shape), head.type->values_of(bytes)};
}

}  // namespace

NpyNumbers parse_npy_numbers(std::span<const std::byte> file, std::string_view where) {
    return parse_npy<double>(file, kNumberTypes, where);
}

NpyNumbers read_npy_numbers(const std::filesystem::path& path) {
    return read_npy<double>(path, kNumberTypes);
}

NpyTokens parse_npy_tokens(std::span<const std::byte> file, std::string_view where) {
    return parse_npy<std::int64_t>(file, kTokenTypes, where);
}

NpyTokens read_npy_tokens(const std::filesystem::path& path) {
    return read_npy<std::int64_t>(path, kTokenTypes);
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
