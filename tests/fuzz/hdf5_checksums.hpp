#pragma once

#include <cstdint>
#include <span>

namespace alphaprune::fuzz {

/// Gives the structures that an HDF5 file of format 1.8 consists of (superblock, object headers,
/// heaps and trees of links) the checksums that their bytes now have. What does not fit into the
/// file is left alone.
void renew_hdf5_checksums(std::span<std::uint8_t> file);

}  // namespace alphaprune::fuzz
