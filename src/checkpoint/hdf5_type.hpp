#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/support/stored_type.hpp"
#include "hdf5_place.hpp"

namespace alphaprune::checkpoint {

/// The HDF5 type of stored values, little-endian: the one that h5py makes an array of the same kind
/// of, where there is one (BOOL is h5py's enumeration of FALSE and TRUE, C64 its pair "r" and "i"),
/// and bytes for all others. Used in memory as well as in the file, so that HDF5 copies bits and
/// converts nothing.
Hdf5Handle hdf5_type(const Hdf5Place& place, const support::StoredType& type);

/// The inverse for the types that are read; nothing for any other type.
std::optional<support::ScalarType> scalar_type_of(const Hdf5Place& place, hid_t type);

/// Whether a tensor cannot lie in a dataset of its own shape: its values are no whole bytes (F4,
/// F6), or nobody knows how many, or it has more dimensions than HDF5 takes. It then lies there as
/// its rows, in bytes, and its shape is an attribute.
bool lies_in_bytes(const model::TensorInfo& tensor);

/// Type and shape of a tensor's dataset.
Hdf5Handle dataset_type(const Hdf5Place& place, const model::TensorInfo& tensor);
std::vector<std::int64_t> dataset_shape(const model::TensorInfo& tensor);

}  // namespace alphaprune::checkpoint
