#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>

#include "hdf5.hpp"

namespace alphaprune::checkpoint {

/// The contents of a file in memory. What was never written is zero and takes no memory, so that a
/// file of many terabytes with a few bytes here and there is small.
class SparseBytes {
  public:
    std::uint64_t size() const { return size_; }
    /// What is cut off is forgotten.
    void resize(std::uint64_t size);

    /// Zeros where nothing was written, also behind the end.
    void read(std::uint64_t offset, std::span<std::byte> out) const;
    /// The file grows when the bytes end behind its end.
    void write(std::uint64_t offset, std::span<const std::byte> bytes);

  private:
    static constexpr std::uint64_t kPageBytes = 4096;
    using Page = std::array<std::byte, kPageBytes>;

    std::map<std::uint64_t, Page> pages_;  ///< by number; those that were written to
    std::uint64_t size_ = 0;
};

/// Creates an HDF5 file in memory, through a driver of our own: the library's driver for memory
/// would take memory for the holes as well.
/// @param bytes  the contents; outlives the handle
/// @param alignment  of where the parts of the file begin that are as large
Hdf5Handle create_file(const Hdf5Calls& hdf5, SparseBytes& bytes, std::uint64_t alignment = 1);

}  // namespace alphaprune::checkpoint
