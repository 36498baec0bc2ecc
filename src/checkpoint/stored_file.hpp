#pragma once

#include <string>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "hdf5_dataset.hpp"

namespace alphaprune {

/// Small files of the model inside the checkpoint: bytes as a dataset of uint8, with their
/// checksum.

/// Collective: stores the companions that `files` holds on rank 0; the others' are not looked at.
void write_files(const Hdf5Place& place, const Communicator& ranks, const Hdf5Handle& group,
                 const std::vector<Companion>& files);

/// The contents of one. @throws Error when it is no such dataset or is damaged
std::string read_file(const Hdf5Place& place, const Hdf5Handle& group, const std::string& name,
                      std::uint64_t file_size);

}  // namespace alphaprune
