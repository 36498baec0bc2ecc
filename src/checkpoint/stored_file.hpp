#pragma once

#include <string>

#include "alphaprune/model/catalogue.hpp"
#include "hdf5_dataset.hpp"

namespace alphaprune {

/// Small files of the model inside the checkpoint: bytes as a dataset of uint8, with their
/// checksum.

/// Stores one.
void write_file(const Hdf5Place& place, const Hdf5Handle& group, const Companion& file);

/// The contents of one. @throws Error when it is no such dataset or is damaged
std::string read_file(const Hdf5Place& place, const Hdf5Handle& group, const std::string& name,
                      std::uint64_t file_size);

}  // namespace alphaprune
