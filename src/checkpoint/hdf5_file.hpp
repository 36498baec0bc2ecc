#pragma once

#include "alphaprune/parallel/communicator.hpp"
#include "hdf5_place.hpp"

namespace alphaprune {

/// Creates (or empties) the place's file for all ranks to write together. Collective.
Hdf5Handle create_shared_file(const Hdf5Place& place, const Communicator& ranks);

/// Opens the place's file for reading by this rank alone.
Hdf5Handle open_file(const Hdf5Place& place);

/// Collective on a file that several ranks write.
Hdf5Handle create_group(const Hdf5Place& place, hid_t parent, const char* name);

Hdf5Handle open_group(const Hdf5Place& place, hid_t parent, const char* name);

/// Whether `parent` has a link of this name.
bool has_link(const Hdf5Place& place, hid_t parent, const char* name);

}  // namespace alphaprune
