#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/formats/safetensors.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/support/error.hpp"

// The steps in which a model folder is read (read_catalogue puts them together).

namespace alphaprune::model {

/// @throws Error (bad_request) when there is no such folder, or it may not be read
void require_model_folder(const std::filesystem::path& folder);

/// Last part of the path as the user gave it, links not followed.
std::string folder_name(const std::filesystem::path& folder);

/// Whether this is the name of a file inside a model's folder or a subfolder of it: neither
/// absolute nor with "." or ".." in it, a backslash or a zero byte.
bool is_inner_name(std::string_view name);

/// Makes sure that the file of that name is part of the model. It may be a link to where the file
/// is kept: inside the folder, in a cache of Hugging Face's tools, in a store that names files by
/// their digests, or to the same name in another model's folder. A link to anything else, which a
/// model from a stranger may contain, would copy a private file of the user's into the result.
/// Whether a file can be opened is not checked.
/// @param name  inside the folder
/// @throws Error (bad_request) when it is a link to anything else, or to nothing
void require_model_file(const std::filesystem::path& folder, std::string_view name);

/// The names under which a file has a tensor with a mask (formats/bitmask_names.hpp).
std::vector<std::string> parts_of_bitmask(const std::string& name);

/// The tensors of a shard, those with masks put together again and all in the order of the model.
/// @param tensors  of the file @throws Error (bad_request) where parts are missing or do not fit
std::vector<TensorInfo> put_bitmasks_together(const formats::SafetensorsHeader& header,
                                              std::vector<TensorInfo> tensors,
                                              const std::string& where);

/// Where index and shards disagree. Whether that is a fault depends on which tensors the model
/// needs, which is known later (judge_index).
struct IndexFindings {
    struct Absent {
        std::string tensor;
        std::string shard;  ///< in which the index puts it; no shard has it
    };
    std::vector<Absent> absent;
    /// A tensor of an earlier shard that a later one has, too; the catalogue has the last, the one
    /// that transformers takes. Both as they are stored.
    struct Copy {
        TensorInfo earlier;
        TensorInfo last;
    };
    std::vector<Copy> copies;
};

/// Fills in shards, stamps and tensors from the index and the headers of the shards. Everything
/// in the shards is part of the model, whether the index lists it or not.
IndexFindings read_tensors(Catalogue& catalogue, support::FaultList& faults);

/// A finding is a fault where it concerns a tensor that the model needs, otherwise a warning.
/// @param catalogue  with its matrices, if they could be found
void judge_index(const IndexFindings& findings, Catalogue& catalogue, support::FaultList& faults);

/// Rows and columns that share a scale.
struct BlockSize {
    std::int64_t rows = 0;
    std::int64_t cols = 0;
};

/// The sizes of blocks that quantization_config gives (weight_block_size, block_structure).
std::vector<BlockSize> configured_blocks(const Catalogue& catalogue);

/// Whether config.json says that the model is quantized.
bool is_configured_as_quantized(const Catalogue& catalogue);

/// What was found of weights whose values are packed (PackedForm).
struct Packing {
    bool unpacked = false;   ///< there were such with scales
    bool understood = true;  ///< else a fault has been added
};

/// Weights in float8 or MXFP4 that have scales become tensors of bfloat16 with a PackedForm, and
/// the scales, and those of activations beside them, leave the catalogue. A fault names those whose
/// scales are not understood.
Packing unpack_weights(Catalogue& catalogue, const IndexFindings& findings,
                       support::FaultList& faults);

/// Matrices, weights and biases in float8 that have no scales, the same way.
/// @param catalogue   with its matrices, if they could be found
/// @param are_scaled  all should have scales: then these are a fault
void unpack_plain_float8(Catalogue& catalogue, bool are_scaled, support::FaultList& faults);

/// Adds a fault where weights of the decoder blocks are stored in a quantized form, which shows in
/// the tensors beside them, and a warning where config.json says so and they are not: it may
/// concern other parts, or be done anew whenever the model is loaded.
/// @param catalogue  with its matrices, if they could be found
/// @param unpacked   the weights have been unpacked: quantization_config is removed, and a
/// quantized
///                   tensor anywhere is a fault
void judge_quantization(Catalogue& catalogue, bool unpacked, support::FaultList& faults);

/// What to say of a model folder without model.safetensors and without an index: which other format
/// its weights are in, and how to obtain safetensors.
support::Error no_safetensors(const std::filesystem::path& folder);

}  // namespace alphaprune::model
