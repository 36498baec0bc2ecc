#pragma once

#include <optional>

#include "alphaprune/support/scalar.hpp"
#include "hdf5_place.hpp"

namespace alphaprune {

/// The HDF5 type of a stored value, little-endian. Used in memory as well as in the file, so that
/// HDF5 copies bits and converts nothing.
Hdf5Handle hdf5_type(const Hdf5Place& place, ScalarType type);

/// The inverse; nothing for any other type.
std::optional<ScalarType> scalar_type_of(const Hdf5Place& place, hid_t type);

}  // namespace alphaprune
