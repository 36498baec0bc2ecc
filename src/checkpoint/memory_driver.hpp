#pragma once

#include "hdf5_place.hpp"
#include "sparse_bytes.hpp"

namespace alphaprune::checkpoint {

/// Lets a file access list lead to `bytes` instead of a file: an HDF5 driver. The library's own
/// driver for memory would take memory for the holes as well.
/// @param bytes  outlives every file opened with the list
void use_memory(const Hdf5Place& place, const Hdf5Handle& access, SparseBytes& bytes);

}  // namespace alphaprune::checkpoint
