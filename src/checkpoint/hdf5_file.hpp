#pragma once

#include "hdf5_place.hpp"
#include "sparse_bytes.hpp"

namespace alphaprune::checkpoint {

/// Creates a file in memory. @param place  for the errors
/// @param bytes  of the file; outlive what is returned
Hdf5Handle create_file(const Hdf5Place& place, SparseBytes& bytes);

/// Opens the place's file for reading by this rank alone.
Hdf5Handle open_file(const Hdf5Place& place);

Hdf5Handle create_group(const Hdf5Place& place, hid_t parent, const char* name);

Hdf5Handle open_group(const Hdf5Place& place, hid_t parent, const char* name);

/// Whether `parent` has a link of this name.
bool has_link(const Hdf5Place& place, hid_t parent, const char* name);

}  // namespace alphaprune::checkpoint
