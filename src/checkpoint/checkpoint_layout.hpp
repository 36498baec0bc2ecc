#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace alphaprune::checkpoint {

// The names inside checkpoint.h5, as writer and reader agree on them.
inline constexpr std::string_view kFormatName = "alphaprune-checkpoint";
inline constexpr std::int64_t kFormatVersion = 1;

inline constexpr const char* kTensorGroup = "tensors";
inline constexpr const char* kSpectrumGroup = "spectra";
inline constexpr const char* kMetricGroup = "metrics";
inline constexpr const char* kModelGroup = "model";
inline constexpr const char* kConfiguration = "config.json";

// Attributes of a tensor: its type as safetensors names it; its shape, where its dataset has
// another.
inline constexpr const char* kTypeName = "dtype";
inline constexpr const char* kShape = "shape";

/// "/tensors/model.norm.weight"
inline std::string object_name(std::string_view group, std::string_view link) {
    std::string name = "/";
    return name.append(group).append("/").append(link);
}

}  // namespace alphaprune::checkpoint
