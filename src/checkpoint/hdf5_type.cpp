#include "hdf5_type.hpp"

namespace alphaprune {
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

}  // namespace

Hdf5Handle hdf5_type(const Hdf5Place& place, ScalarType type) {
    switch (type) {
        case ScalarType::float16:
            return short_float(place, 5, 15);
        case ScalarType::bfloat16:
            return short_float(place, 8, 127);
        case ScalarType::float32:
            break;
    }
    return place.own(H5Tcopy(H5T_IEEE_F32LE), H5Tclose, "copying a type", {});
}

std::optional<ScalarType> scalar_type_of(const Hdf5Place& place, hid_t type) {
    for (const auto candidate : {ScalarType::float32, ScalarType::float16, ScalarType::bfloat16}) {
        if (H5Tequal(type, hdf5_type(place, candidate).id()) > 0) {
            return candidate;
        }
    }
    return std::nullopt;
}

}  // namespace alphaprune
