#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace alphaprune::test {

// Changes to a finished checkpoint, made with plain HDF5 calls as another program would.

/// First byte of a dataset in the file.
std::uint64_t offset_of(const std::filesystem::path& file, const std::string& dataset);
/// Overwrites a scalar attribute with a number, keeping its type.
void set_attribute(const std::filesystem::path& file, const std::string& object,
                   const std::string& attribute, double value);
void remove_attribute(const std::filesystem::path& file, const std::string& object,
                      const std::string& attribute);
/// Replaces an attribute by one with several values.
void widen_attribute(const std::filesystem::path& file, const std::string& object,
                     const std::string& attribute, std::uint64_t values);

/// Makes it a number of 32 bits.
void narrow_attribute(const std::filesystem::path& file, const std::string& object,
                      const std::string& attribute);
void remove_link(const std::filesystem::path& file, const std::string& object);
void rename_link(const std::filesystem::path& file, const std::string& from, const std::string& to);
/// Puts a dataset of 32-bit integers, its data chunked or not, under a name that is free.
void add_integers(const std::filesystem::path& file, const std::string& name, bool chunked);
/// Puts a link that leads to another file under a name that is free.
void add_external_link(const std::filesystem::path& file, const std::string& name);
/// An HDF5 file without any contents.
void make_empty_hdf5_file(const std::filesystem::path& file);
/// Changes one byte of a file.
void flip_byte(const std::filesystem::path& file, std::uint64_t offset, unsigned mask = 0x10);

}  // namespace alphaprune::test
