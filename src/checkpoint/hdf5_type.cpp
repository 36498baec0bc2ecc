#include "hdf5_type.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace alphaprune::checkpoint {
namespace {

/// A 16-bit float with the sign in bit 15, the exponent below it and the mantissa at bit 0.
Hdf5Handle short_float(const Hdf5Place& place, std::size_t exponent_bits, std::size_t bias) {
    const std::string_view doing = "describing a 16-bit float";
    const std::size_t mantissa_bits = 15 - exponent_bits;
    Hdf5Handle type = place.own(H5Tcopy(H5T_IEEE_F32LE), H5Tclose, doing, {});
    // The order matters: HDF5 refuses a size smaller than the fields in force.
    place.check(H5Tset_fields(type.id(), 15, mantissa_bits, exponent_bits, 0, mantissa_bits), doing,
                {});
    place.check(H5Tset_precision(type.id(), 16), doing, {});
    place.check(H5Tset_size(type.id(), 2), doing, {});
    place.check(H5Tset_ebias(type.id(), bias), doing, {});
    return type;
}

Hdf5Handle boolean(const Hdf5Place& place) {
    const std::string_view doing = "describing a boolean";
    Hdf5Handle type = place.own(H5Tenum_create(H5T_STD_I8LE), H5Tclose, doing, {});
    constexpr std::array<std::pair<const char*, std::int8_t>, 2> kValues{
        {{"FALSE", 0}, {"TRUE", 1}}};
    for (const auto& [name, value] : kValues) {
        place.check(H5Tenum_insert(type.id(), name, &value), doing, {});
    }
    return type;
}

Hdf5Handle complex_float(const Hdf5Place& place) {
    const std::string_view doing = "describing a complex number";
    constexpr std::size_t kPart = 4;
    Hdf5Handle type = place.own(H5Tcreate(H5T_COMPOUND, 2 * kPart), H5Tclose, doing, {});
    place.check(H5Tinsert(type.id(), "r", 0, H5T_IEEE_F32LE), doing, {});
    place.check(H5Tinsert(type.id(), "i", kPart, H5T_IEEE_F32LE), doing, {});
    return type;
}

/// Of the types that HDF5 has itself; bytes for those that it has not.
hid_t plain_type(std::string_view name) {
    const std::array<std::pair<std::string_view, hid_t>, 9> plain{{{"F32", H5T_IEEE_F32LE},
                                                                   {"F64", H5T_IEEE_F64LE},
                                                                   {"I8", H5T_STD_I8LE},
                                                                   {"U16", H5T_STD_U16LE},
                                                                   {"I16", H5T_STD_I16LE},
                                                                   {"U32", H5T_STD_U32LE},
                                                                   {"I32", H5T_STD_I32LE},
                                                                   {"U64", H5T_STD_U64LE},
                                                                   {"I64", H5T_STD_I64LE}}};
    const auto found = std::ranges::find(plain, name, &std::pair<std::string_view, hid_t>::first);
    return found == plain.end() ? H5T_STD_U8LE : found->second;
}

Hdf5Handle copied(const Hdf5Place& place, hid_t type) {
    return place.own(H5Tcopy(type), H5Tclose, "copying a type", {});
}

}  // namespace

Hdf5Handle hdf5_type(const Hdf5Place& place, const support::StoredType& type) {
    if (type.name() == "F16") {
        return short_float(place, 5, 15);
    }
    if (type.name() == "BF16") {
        return short_float(place, 8, 127);
    }
    if (type.name() == "BOOL") {
        return boolean(place);
    }
    return type.name() == "C64" ? complex_float(place) : copied(place, plain_type(type.name()));
}

bool lies_in_bytes(const model::TensorInfo& tensor) {
    return tensor.type.bits().value_or(1) % 8 != 0 || tensor.shape.size() > H5S_MAX_RANK;
}

Hdf5Handle dataset_type(const Hdf5Place& place, const model::TensorInfo& tensor) {
    return lies_in_bytes(tensor) ? copied(place, H5T_STD_U8LE) : hdf5_type(place, tensor.type);
}

std::vector<std::int64_t> dataset_shape(const model::TensorInfo& tensor) {
    if (!lies_in_bytes(tensor)) {
        return tensor.shape;
    }
    return {tensor.rows(), static_cast<std::int64_t>(tensor.row_bytes())};
}

std::optional<support::ScalarType> scalar_type_of(const Hdf5Place& place, hid_t type) {
    for (const auto candidate : {support::ScalarType::float32, support::ScalarType::float16,
                                 support::ScalarType::bfloat16}) {
        if (H5Tequal(type, hdf5_type(place, candidate).id()) > 0) {
            return candidate;
        }
    }
    return std::nullopt;
}

}  // namespace alphaprune::checkpoint
