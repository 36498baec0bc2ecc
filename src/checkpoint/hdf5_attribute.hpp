#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hdf5.hpp"

namespace alphaprune::checkpoint {

/// Text as an HDF5 type: UTF-8 of a fixed length, at least one byte.
Hdf5Handle text_type(const Hdf5Calls& hdf5, std::size_t length);

/// Each writes one scalar attribute.
void write_attribute(const Hdf5Calls& hdf5, Hdf5Object object, const char* name, double value);
void write_attribute(const Hdf5Calls& hdf5, Hdf5Object object, const char* name,
                     std::int64_t value);
void write_attribute(const Hdf5Calls& hdf5, Hdf5Object object, const char* name,
                     std::uint64_t value);
void write_attribute(const Hdf5Calls& hdf5, Hdf5Object object, const char* name,
                     std::string_view value);

/// Writes an attribute of several values, of none at all even.
void write_attribute(const Hdf5Calls& hdf5, Hdf5Object object, const char* name,
                     std::span<const std::int64_t> values);

bool has_attribute(const Hdf5Calls& hdf5, Hdf5Object object, const char* name);

/// Each reads one scalar attribute. @throws Error when it is absent or of another kind
double read_real(const Hdf5Calls& hdf5, Hdf5Object object, const char* name);
std::int64_t read_integer(const Hdf5Calls& hdf5, Hdf5Object object, const char* name);
std::uint64_t read_unsigned(const Hdf5Calls& hdf5, Hdf5Object object, const char* name);
/// One of several values, at most 1000.
std::vector<std::int64_t> read_integers(const Hdf5Calls& hdf5, Hdf5Object object, const char* name);
std::string read_text_attribute(const Hdf5Calls& hdf5, Hdf5Object object, const char* name);

}  // namespace alphaprune::checkpoint
