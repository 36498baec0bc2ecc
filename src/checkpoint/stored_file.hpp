#pragma once

#include <string>

#include "alphaprune/model/catalogue.hpp"
#include "hdf5_dataset.hpp"

namespace alphaprune::checkpoint {

/// Small files of the model inside the checkpoint: bytes as a dataset of uint8, with their
/// checksum.

/// Its name in the group: HDF5 takes a slash for a step into another group, and an auxiliary file's
/// name has no backslash.
std::string link_of_file(std::string name);
/// The inverse; of another program's file it may be any text.
std::string file_of_link(std::string link);

/// Stores one.
void write_file(const Hdf5Place& place, const Hdf5Handle& group, const model::AuxiliaryFile& file);

/// The contents of one. @throws Error when it is no such dataset or is damaged
std::string read_file(const Hdf5Place& place, const Hdf5Handle& group, const std::string& name,
                      std::uint64_t file_size);

}  // namespace alphaprune::checkpoint
