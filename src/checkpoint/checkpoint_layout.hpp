#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/support/scalar.hpp"
#include "hdf5.hpp"

namespace alphaprune::checkpoint {

// The names inside checkpoint.h5, as writer and reader agree on them.
inline constexpr std::string_view kFormatName = "alphaprune-checkpoint";
inline constexpr std::int64_t kFormatVersion = 1;
inline constexpr std::int64_t kBitmaskVersion = 2;  ///< of files that have masks

inline constexpr const char* kTensorGroup = "tensors";
inline constexpr const char* kSpectrumGroup = "spectra";
inline constexpr const char* kMetricGroup = "metrics";
inline constexpr const char* kModelGroup = "model";
inline constexpr const char* kConfiguration = "config.json";

// Attributes of a tensor: its type as safetensors names it; its shape, where its dataset has
// another.
inline constexpr const char* kTypeName = "dtype";
inline constexpr const char* kShape = "shape";

// A tensor with a mask is a group of these (formats/bitmask.hpp), with the attributes of a tensor.
inline constexpr const char* kMask = "bitmask";
inline constexpr const char* kRowOffsets = "offsets";
inline constexpr const char* kValues = "values";

/// The shapes of mask and row offsets.
std::vector<std::int64_t> mask_shape(const model::TensorInfo& tensor);
std::int64_t row_offsets_of(const model::TensorInfo& tensor);

/// "/tensors/model.norm.weight"
inline std::string object_name(std::string_view group, std::string_view link) {
    std::string name = "/";
    return name.append(group).append("/").append(link);
}

/// The HDF5 type of stored values, little-endian: the one that h5py makes an array of the same kind
/// of, where there is one (BOOL is h5py's enumeration of FALSE and TRUE, C64 its pair "r" and "i"),
/// and bytes for all others. Used in memory as well as in the file, so that HDF5 copies bits and
/// converts nothing.
Hdf5Handle hdf5_type(const Hdf5Calls& hdf5, const support::StoredType& type);

/// The inverse for the types that are read; nothing for any other type.
std::optional<support::ScalarType> scalar_type_of(const Hdf5Calls& hdf5, hid_t type);

/// Whether a tensor cannot lie in a dataset of its own shape: its values are no whole bytes (F4,
/// F6), or of unknown size, or it has more dimensions than HDF5 takes. It then lies there as
/// its rows, in bytes, and its shape is an attribute.
bool lies_in_bytes(const model::TensorInfo& tensor);

/// Type and shape of a tensor's dataset.
Hdf5Handle dataset_type(const Hdf5Calls& hdf5, const model::TensorInfo& tensor);
std::vector<std::int64_t> dataset_shape(const model::TensorInfo& tensor);

// Small files of the model lie in the checkpoint as datasets of uint8, with their checksum.

/// Its name in the group: HDF5 takes a slash for a step into another group, and an auxiliary file's
/// name has no backslash.
std::string link_of_file(std::string name);
/// The inverse; of another program's file it may be any text.
std::string file_of_link(std::string link);

/// Stores one.
void write_file(const Hdf5Calls& hdf5, const Hdf5Handle& group, const model::AuxiliaryFile& file);

/// The contents of one. @throws Error when it is no such dataset or is damaged
std::string read_file(const Hdf5Calls& hdf5, const Hdf5Handle& group, const std::string& name,
                      std::uint64_t file_size);

}  // namespace alphaprune::checkpoint
