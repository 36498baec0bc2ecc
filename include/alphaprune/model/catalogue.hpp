#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/model/bitmask_form.hpp"
#include "alphaprune/model/configuration.hpp"
#include "alphaprune/model/output_pattern.hpp"
#include "alphaprune/model/packed_form.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/scalar.hpp"

namespace alphaprune::model {

struct NamedShape;  // in model/family.hpp

/// One tensor of the model: what it is and where its bytes lie.
struct TensorInfo {
    std::string name;
    support::StoredType type;
    std::vector<std::int64_t> shape;
    int shard = 0;             ///< index into Catalogue::shards
    std::uint64_t offset = 0;  ///< first byte in the shard; row-major from there
    /// Index into Catalogue::matrices when prunable, else -1; of several slices, the first, the
    /// others coming later in its block (matrices_of in model/matrix_slices.hpp).
    int matrix = -1;
    /// Bytes of a tensor of unknown type, whose values are of unknown width; otherwise unused.
    std::uint64_t unknown_bytes = 0;
    /// Where the file holds the values in 8 or 4 bits: `type` and `shape` are what they are read
    /// as.
    std::optional<PackedForm> packed{};
    /// Where the file holds a mask and the values that are not zero.
    std::optional<BitmaskForm> bitmask{};

    /// The type as which the values are read. @throws Error (bad_request) for a type that is only
    /// copied, naming tensor and remedy
    support::ScalarType scalar_type() const;
    std::int64_t values() const;

    /// A tensor as rows, the unit in which it is distributed: shape[0] for two or more dimensions,
    /// one row otherwise, and also where shape[0] rows would not have whole bytes (F4, F6).
    std::int64_t rows() const;
    std::int64_t row_length() const;  ///< values in a row
    std::uint64_t row_bytes() const;
    std::uint64_t bytes() const;
};

/// A prunable matrix inside a decoder block: a tensor of two dimensions, or a slice of a tensor
/// that holds several matrices.
struct MatrixInfo {
    int tensor = 0;  ///< index into Catalogue::tensors
    int block = 0;
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    /// Stored as inputs × outputs (GPT-2's Conv1D): a linear layer's usual weight is outputs ×
    /// inputs, its rows one output each.
    bool transposed = false;
    /// Which outputs of the stored matrix it has: rows, or columns where it is transposed.
    OutputPattern pattern{};
    int expert = -1;           ///< that a slice of a tensor [experts, …] belongs to
    std::string slice_name{};  ///< "<tensor>[q]"; empty: the matrix is the whole tensor

    std::int64_t size() const { return rows * cols; }
    std::int64_t outputs() const { return transposed ? cols : rows; }
    std::int64_t inputs() const { return transposed ? rows : cols; }
    bool is_slice() const { return !slice_name.empty(); }
};

/// Where the decoder blocks are: their tensors are named "<prefix><number>.…", numbers from 0 up.
struct BlockStack {
    std::string prefix;      ///< "model.layers."; empty when no blocks were found
    std::int64_t count = 0;  ///< larger numbers are not blocks
};

/// A small file that goes with the weights, such as the tokenizer (model/auxiliary_files.hpp).
struct AuxiliaryFile {
    std::string name;  ///< without a path
    std::string contents;

    friend bool operator==(const AuxiliaryFile&, const AuxiliaryFile&) = default;
};

/// Where the weights of a catalogued model come from.
enum class WeightOrigin {
    folder,       ///< the shards of a Hugging Face folder
    single_file,  ///< one file other than safetensors, such as a checkpoint
    synthetic,    ///< none: they are generated on demand (synthetic_catalogue)
};

/// Everything about a model except its weights. The same on every rank.
struct Catalogue {
    std::string model_name;  ///< last part of the folder's path, or the name it was found by
    std::filesystem::path folder;
    WeightOrigin origin = WeightOrigin::folder;
    std::string family;  ///< "generic" for architectures not known by name
    /// config.json, as it is, but without quantization_config where packed weights are unpacked.
    std::string configuration_text;
    ModelConfiguration configuration;
    std::vector<std::string> shards;  ///< file names inside the folder; none when synthetic
    std::vector<support::FileStamp>
        stamps;                       ///< of the shards of a folder, when they were catalogued
    std::vector<TensorInfo> tensors;  ///< in the order of the files
    /// What the files have in place of the family's base prefix: "" for the bare model,
    /// "language_model.model." where the language model is a part.
    std::string base_prefix;
    BlockStack decoder;  ///< the blocks that matrices are taken from
    /// Block by block, in the order of definition; where experts share tensors, all of an expert's
    /// together.
    std::vector<MatrixInfo> matrices;
    /// What a user should know of the model before relying on the result, a sentence each.
    std::vector<std::string> warnings;
    /// Of a model that is not a folder, sorted by name; nothing when they lie in `folder`.
    std::optional<std::vector<AuxiliaryFile>> auxiliary_files;

    int blocks() const;  ///< 1 + the largest block number
    /// The blocks that have prunable matrices, ascending: all, unless keep_blocks left out some.
    std::vector<int> prunable_blocks() const;
    std::int64_t prunable_parameters() const;
    std::uint64_t bytes() const;  ///< of all tensors
    /// Bytes of a matrix in the files.
    double stored_bytes_of(const MatrixInfo& matrix) const;
    const TensorInfo& tensor_of(const MatrixInfo& matrix) const {
        return tensors[static_cast<std::size_t>(matrix.tensor)];
    }
    const std::string& name_of(const MatrixInfo& matrix) const {
        return matrix.slice_name.empty() ? tensor_of(matrix).name : matrix.slice_name;
    }

    /// The expert of its block's mixture that a matrix belongs to, by the tensor's dimension or by
    /// a name such as "….experts.3.up_proj.weight"; −1: none.
    int expert_of(const MatrixInfo& matrix) const;

    /// The names under which the files may have the tensor that goes by `name` in the whole model
    /// of the family; the first that exists counts.
    std::vector<std::string> stored_names(std::string_view name) const;
    /// That tensor; nullptr when there is none.
    const TensorInfo* find_tensor(std::string_view name) const;
};

/// Fills `out` with the stored bytes of some rows of a catalogued tensor, from wherever the weights
/// lie: a model folder (WeightReader), a checkpoint. A tensor of three dimensions may also be given
/// as rows of its last (as_matrix_rows in model/matrix_slices.hpp). Each rank has its own, which
/// several of its threads may call at the same time.
/// @throws Error
using RowSource = std::function<void(const TensorInfo& tensor, parallel::RowRange rows,
                                     std::span<std::byte> out)>;

/// Reads config.json, the index and the headers of all shards of a Hugging Face folder (no weight).
/// Weights are model.safetensors or, in its absence, the shards of model.safetensors.index.json.
/// In unknown architectures, with `family` set to "generic", the linear layers of the blocks are
/// recognized by their names and shapes ("<any>.<number>.<any>.weight", two dimensions); the number
/// is the block, and inside a block the order is that of the files. Where none are found there are
/// no matrices: choose_matrices (model/matrix_choice.hpp) says why.
/// @throws Error (bad_request) with every fault found
Catalogue read_catalogue(const std::filesystem::path& folder);

/// The catalogue of a model in one file other than safetensors, such as a checkpoint. The prunable
/// matrices are those of a folder with the same tensors in the same order.
/// @param file     its folder becomes `folder`, its name the only shard
/// @param tensors  in the order of the model's own files; `shard` and `matrix` are set here
/// @throws Error (bad_request) with every fault found
Catalogue make_catalogue(const std::filesystem::path& file, std::string model_name,
                         std::string configuration_text, std::vector<TensorInfo> tensors);

// Synthetic models: the tensors of a real architecture with made-up weights. Each weight is a
// function of its tensor's name and shape, its row and its column (docs/methods.md), rounded to the
// type the model is stored in: any rank can make any part of any tensor, and all ranks, all runs
// and all machines see the same model. Spectra have heavy tails that lighten with depth, as those
// of trained models do. WeightReader serves them like weights of a file.

/// The catalogue of a synthetic model: the tensors that transformers saves for such a
/// configuration, in the order of definition; its name is the shape's with "-synthetic".
Catalogue synthetic_catalogue(const NamedShape& shape);

/// The same for a folder that has a config.json; weights that it may have are ignored. The
/// tokenizer's files are those of the folder.
/// @param name  for the model; empty: the folder's
/// @throws Error (bad_request) with every fault found: no such folder or file, an architecture
///         whose tensors are not known
Catalogue synthetic_catalogue(const std::filesystem::path& folder, std::string name = {});

/// Blocks from first to last, both included, numbered from 0.
struct BlockRange {
    int first = 0;
    int last = 0;

    friend bool operator==(const BlockRange&, const BlockRange&) = default;
};

/// Keeps only the matrices of those blocks prunable. All tensors stay.
/// @throws Error (bad_request) when the model has not all of those blocks
void keep_blocks(Catalogue& catalogue, BlockRange kept);

/// For sending it from rank 0 to the others; deserialize_catalogue is the exact inverse.
std::string serialize(const Catalogue& catalogue);
Catalogue deserialize_catalogue(std::string_view text);

}  // namespace alphaprune::model
