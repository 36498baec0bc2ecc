#include "hdf5_attribute.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace alphaprune::checkpoint {
namespace {

// HDF5 keeps an attribute in the object's header, which ends at 64 KB.
constexpr std::size_t kLongestText = 65536;

void write_values(const Hdf5Place& place, Hdf5Object object, const char* name, hid_t new_space,
                  hid_t file_type, hid_t memory_type, const void* value) {
    const std::string doing = fmt::format("writing the attribute '{}'", name);
    const Hdf5Handle space = place.own(new_space, H5Sclose, doing, object.name);
    const Hdf5Handle attribute =
        place.own(H5Acreate2(object.id, name, file_type, space.id(), H5P_DEFAULT, H5P_DEFAULT),
                  H5Aclose, doing, object.name);
    place.check(H5Awrite(attribute.id(), memory_type, value), doing, object.name);
}

void write_scalar(const Hdf5Place& place, Hdf5Object object, const char* name, hid_t file_type,
                  hid_t memory_type, const void* value) {
    write_values(place, object, name, H5Screate(H5S_SCALAR), file_type, memory_type, value);
}

struct OpenAttribute {
    Hdf5Handle attribute;
    Hdf5Handle type;
};

support::Error unexpected(const Hdf5Place& place, Hdf5Object object, const char* name) {
    return place.error(fmt::format("the attribute '{}' is not of the kind expected", name),
                       object.name);
}

OpenAttribute open_attribute(const Hdf5Place& place, Hdf5Object object, const char* name) {
    if (!has_attribute(place, object, name)) {
        throw place.error(fmt::format("the attribute '{}' is missing", name), object.name);
    }
    const std::string doing = fmt::format("reading the attribute '{}'", name);
    Hdf5Handle attribute =
        place.own(H5Aopen(object.id, name, H5P_DEFAULT), H5Aclose, doing, object.name);
    Hdf5Handle type = place.own(H5Aget_type(attribute.id()), H5Tclose, doing, object.name);
    return {std::move(attribute), std::move(type)};
}

std::int64_t values_in(const Hdf5Place& place, Hdf5Object object, const char* name,
                       const OpenAttribute& open) {
    const Hdf5Handle space =
        place.own(H5Aget_space(open.attribute.id()), H5Sclose,
                  fmt::format("reading the attribute '{}'", name), object.name);
    return H5Sget_simple_extent_npoints(space.id());
}

/// Opens an attribute after making sure that it holds exactly one value.
OpenAttribute open_scalar(const Hdf5Place& place, Hdf5Object object, const char* name) {
    OpenAttribute open = open_attribute(place, object, name);
    if (values_in(place, object, name, open) != 1) {
        throw unexpected(place, object, name);
    }
    return open;
}

/// The value must have the very type it was written in: a stranger's is not put through HDF5's
/// conversions.
template <class T>
T read_scalar(const Hdf5Place& place, Hdf5Object object, const char* name, hid_t file_type,
              hid_t memory_type) {
    const OpenAttribute open = open_scalar(place, object, name);
    if (H5Tequal(open.type.id(), file_type) <= 0) {
        throw unexpected(place, object, name);
    }
    T value{};
    place.check(H5Aread(open.attribute.id(), memory_type, &value),
                fmt::format("reading the attribute '{}'", name), object.name);
    return value;
}

}  // namespace

Hdf5Handle text_type(const Hdf5Place& place, std::size_t length) {
    const std::string_view doing = "describing a text";
    Hdf5Handle type = place.own(H5Tcopy(H5T_C_S1), H5Tclose, doing, {});
    place.check(H5Tset_size(type.id(), std::max<std::size_t>(1, length)), doing, {});
    place.check(H5Tset_strpad(type.id(), H5T_STR_NULLPAD), doing, {});
    place.check(H5Tset_cset(type.id(), H5T_CSET_UTF8), doing, {});
    return type;
}

void write_attribute(const Hdf5Place& place, Hdf5Object object, const char* name, double value) {
    write_scalar(place, object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value);
}

void write_attribute(const Hdf5Place& place, Hdf5Object object, const char* name,
                     std::int64_t value) {
    write_scalar(place, object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &value);
}

void write_attribute(const Hdf5Place& place, Hdf5Object object, const char* name,
                     std::uint64_t value) {
    write_scalar(place, object, name, H5T_STD_U64LE, H5T_NATIVE_UINT64, &value);
}

void write_attribute(const Hdf5Place& place, Hdf5Object object, const char* name,
                     std::string_view value) {
    std::string text(value);
    text.resize(std::max<std::size_t>(1, text.size()));
    const Hdf5Handle type = text_type(place, text.size());
    write_scalar(place, object, name, type.id(), type.id(), text.data());
}

void write_attribute(const Hdf5Place& place, Hdf5Object object, const char* name,
                     std::span<const std::int64_t> values) {
    const hsize_t count = values.size();
    const std::int64_t none = 0;  // HDF5 wants memory to read even nothing from
    write_values(place, object, name, H5Screate_simple(1, &count, nullptr), H5T_STD_I64LE,
                 H5T_NATIVE_INT64, values.empty() ? &none : values.data());
}

bool has_attribute(const Hdf5Place& place, Hdf5Object object, const char* name) {
    const htri_t exists = H5Aexists(object.id, name);
    place.check(exists < 0 ? -1 : 0, fmt::format("looking for the attribute '{}'", name),
                object.name);
    return exists > 0;
}

double read_real(const Hdf5Place& place, Hdf5Object object, const char* name) {
    return read_scalar<double>(place, object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE);
}

std::int64_t read_integer(const Hdf5Place& place, Hdf5Object object, const char* name) {
    return read_scalar<std::int64_t>(place, object, name, H5T_STD_I64LE, H5T_NATIVE_INT64);
}

std::uint64_t read_unsigned(const Hdf5Place& place, Hdf5Object object, const char* name) {
    return read_scalar<std::uint64_t>(place, object, name, H5T_STD_U64LE, H5T_NATIVE_UINT64);
}

std::vector<std::int64_t> read_integers(const Hdf5Place& place, Hdf5Object object,
                                        const char* name) {
    constexpr std::int64_t kMost = 1000;
    const OpenAttribute open = open_attribute(place, object, name);
    const std::int64_t count = values_in(place, object, name, open);
    if (count < 0 || count > kMost || H5Tequal(open.type.id(), H5T_STD_I64LE) <= 0) {
        throw unexpected(place, object, name);
    }
    std::vector<std::int64_t> values(static_cast<std::size_t>(count));
    if (count > 0) {
        place.check(H5Aread(open.attribute.id(), H5T_NATIVE_INT64, values.data()),
                    fmt::format("reading the attribute '{}'", name), object.name);
    }
    return values;
}

std::string read_text_attribute(const Hdf5Place& place, Hdf5Object object, const char* name) {
    const OpenAttribute open = open_scalar(place, object, name);
    const std::size_t length = H5Tget_size(open.type.id());
    if (H5Tget_class(open.type.id()) != H5T_STRING) {
        throw unexpected(place, object, name);
    }
    if (H5Tis_variable_str(open.type.id()) != 0 || length == 0 || length > kLongestText) {
        throw place.error(fmt::format("the attribute '{}' is not text of a fixed length", name),
                          object.name);
    }
    std::string text(length, '\0');
    place.check(H5Aread(open.attribute.id(), open.type.id(), text.data()),
                fmt::format("reading the attribute '{}'", name), object.name);
    text.resize(std::min(text.find('\0'), text.size()));
    return text;
}

}  // namespace alphaprune::checkpoint
