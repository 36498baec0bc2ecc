#include "hdf5_attribute.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "alphaprune/support/message.hpp"

namespace alphaprune::checkpoint {
namespace {

const support::BadRequest<std::string_view> kMissing{
    "checkpoint.missing-attribute", "the attribute '{}' is missing",
    "every checkpoint of this program has it", kReplaceFile};

const support::BadRequest<std::string_view> kUnexpected{
    "checkpoint.unexpected-attribute", "the attribute '{}' is not of the kind expected",
    "it has another type or number of values than this program writes", kReplaceFile};

const support::BadRequest<std::string_view> kNoFixedText{
    "checkpoint.variable-text", "the attribute '{}' is not text of a fixed length",
    "this program writes texts of a fixed length only", kReplaceFile};

// HDF5 keeps an attribute in the object's header, which ends at 64 KB.
constexpr std::size_t kLongestText = 65536;

void write_values(const Hdf5Calls& hdf5, Hdf5Object object, const char* name, hid_t new_space,
                  hid_t file_type, hid_t memory_type, const void* value) {
    const std::string doing = fmt::format("writing the attribute '{}'", name);
    const Hdf5Handle space = hdf5.own(new_space, H5Sclose, doing, object.name);
    const Hdf5Handle attribute =
        hdf5.own(H5Acreate2(object.id, name, file_type, space.id(), H5P_DEFAULT, H5P_DEFAULT),
                 H5Aclose, doing, object.name);
    hdf5.check(H5Awrite(attribute.id(), memory_type, value), doing, object.name);
}

void write_scalar(const Hdf5Calls& hdf5, Hdf5Object object, const char* name, hid_t file_type,
                  hid_t memory_type, const void* value) {
    write_values(hdf5, object, name, H5Screate(H5S_SCALAR), file_type, memory_type, value);
}

struct OpenAttribute {
    Hdf5Handle attribute;
    Hdf5Handle type;
};

OpenAttribute open_attribute(const Hdf5Calls& hdf5, Hdf5Object object, const char* name) {
    if (!has_attribute(hdf5, object, name)) {
        throw kMissing(hdf5.where(object.name), name);
    }
    const std::string doing = fmt::format("reading the attribute '{}'", name);
    Hdf5Handle attribute =
        hdf5.own(H5Aopen(object.id, name, H5P_DEFAULT), H5Aclose, doing, object.name);
    Hdf5Handle type = hdf5.own(H5Aget_type(attribute.id()), H5Tclose, doing, object.name);
    return {std::move(attribute), std::move(type)};
}

std::int64_t values_in(const Hdf5Calls& hdf5, Hdf5Object object, const char* name,
                       const OpenAttribute& open) {
    const Hdf5Handle space = hdf5.own(H5Aget_space(open.attribute.id()), H5Sclose,
                                      fmt::format("reading the attribute '{}'", name), object.name);
    return H5Sget_simple_extent_npoints(space.id());
}

/// Opens an attribute after making sure that it holds exactly one value.
OpenAttribute open_scalar(const Hdf5Calls& hdf5, Hdf5Object object, const char* name) {
    OpenAttribute open = open_attribute(hdf5, object, name);
    if (values_in(hdf5, object, name, open) != 1) {
        throw kUnexpected(hdf5.where(object.name), name);
    }
    return open;
}

/// The value must have exactly the type this program writes: nothing is put through HDF5's
/// conversions.
template <class T>
T read_scalar(const Hdf5Calls& hdf5, Hdf5Object object, const char* name, hid_t file_type,
              hid_t memory_type) {
    const OpenAttribute open = open_scalar(hdf5, object, name);
    if (H5Tequal(open.type.id(), file_type) <= 0) {
        throw kUnexpected(hdf5.where(object.name), name);
    }
    T value{};
    hdf5.check(H5Aread(open.attribute.id(), memory_type, &value),
               fmt::format("reading the attribute '{}'", name), object.name);
    return value;
}

}  // namespace

Hdf5Handle text_type(const Hdf5Calls& hdf5, std::size_t length) {
    const std::string_view doing = "describing a text";
    Hdf5Handle type = hdf5.own(H5Tcopy(H5T_C_S1), H5Tclose, doing, {});
    hdf5.check(H5Tset_size(type.id(), std::max<std::size_t>(1, length)), doing, {});
    hdf5.check(H5Tset_strpad(type.id(), H5T_STR_NULLPAD), doing, {});
    hdf5.check(H5Tset_cset(type.id(), H5T_CSET_UTF8), doing, {});
    return type;
}

void write_attribute(const Hdf5Calls& hdf5, Hdf5Object object, const char* name, double value) {
    write_scalar(hdf5, object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value);
}

void write_attribute(const Hdf5Calls& hdf5, Hdf5Object object, const char* name,
                     std::int64_t value) {
    write_scalar(hdf5, object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &value);
}

void write_attribute(const Hdf5Calls& hdf5, Hdf5Object object, const char* name,
                     std::uint64_t value) {
    write_scalar(hdf5, object, name, H5T_STD_U64LE, H5T_NATIVE_UINT64, &value);
}

void write_attribute(const Hdf5Calls& hdf5, Hdf5Object object, const char* name,
                     std::string_view value) {
    std::string text(value);
    text.resize(std::max<std::size_t>(1, text.size()));
    const Hdf5Handle type = text_type(hdf5, text.size());
    write_scalar(hdf5, object, name, type.id(), type.id(), text.data());
}

void write_attribute(const Hdf5Calls& hdf5, Hdf5Object object, const char* name,
                     std::span<const std::int64_t> values) {
    const hsize_t count = values.size();
    const std::int64_t none = 0;  // HDF5 wants memory to read even nothing from
    write_values(hdf5, object, name, H5Screate_simple(1, &count, nullptr), H5T_STD_I64LE,
                 H5T_NATIVE_INT64, values.empty() ? &none : values.data());
}

bool has_attribute(const Hdf5Calls& hdf5, Hdf5Object object, const char* name) {
    const htri_t exists = H5Aexists(object.id, name);
    hdf5.check(exists < 0 ? -1 : 0, fmt::format("looking for the attribute '{}'", name),
               object.name);
    return exists > 0;
}

double read_real(const Hdf5Calls& hdf5, Hdf5Object object, const char* name) {
    return read_scalar<double>(hdf5, object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE);
}

std::int64_t read_integer(const Hdf5Calls& hdf5, Hdf5Object object, const char* name) {
    return read_scalar<std::int64_t>(hdf5, object, name, H5T_STD_I64LE, H5T_NATIVE_INT64);
}

std::uint64_t read_unsigned(const Hdf5Calls& hdf5, Hdf5Object object, const char* name) {
    return read_scalar<std::uint64_t>(hdf5, object, name, H5T_STD_U64LE, H5T_NATIVE_UINT64);
}

std::vector<std::int64_t> read_integers(const Hdf5Calls& hdf5, Hdf5Object object,
                                        const char* name) {
    constexpr std::int64_t kMost = 1000;
    const OpenAttribute open = open_attribute(hdf5, object, name);
    const std::int64_t count = values_in(hdf5, object, name, open);
    if (count < 0 || count > kMost || H5Tequal(open.type.id(), H5T_STD_I64LE) <= 0) {
        throw kUnexpected(hdf5.where(object.name), name);
    }
    std::vector<std::int64_t> values(static_cast<std::size_t>(count));
    if (count > 0) {
        hdf5.check(H5Aread(open.attribute.id(), H5T_NATIVE_INT64, values.data()),
                   fmt::format("reading the attribute '{}'", name), object.name);
    }
    return values;
}

std::string read_text_attribute(const Hdf5Calls& hdf5, Hdf5Object object, const char* name) {
    const OpenAttribute open = open_scalar(hdf5, object, name);
    const std::size_t length = H5Tget_size(open.type.id());
    if (H5Tget_class(open.type.id()) != H5T_STRING) {
        throw kUnexpected(hdf5.where(object.name), name);
    }
    if (H5Tis_variable_str(open.type.id()) != 0 || length == 0 || length > kLongestText) {
        throw kNoFixedText(hdf5.where(object.name), name);
    }
    std::string text(length, '\0');
    hdf5.check(H5Aread(open.attribute.id(), open.type.id(), text.data()),
               fmt::format("reading the attribute '{}'", name), object.name);
    text.resize(std::min(text.find('\0'), text.size()));
    return text;
}

}  // namespace alphaprune::checkpoint
