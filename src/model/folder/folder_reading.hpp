#pragma once

#include <string>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/support/error.hpp"

// The steps in which a model folder is read (read_catalogue puts them together).

namespace alphaprune::model {

/// Where index and shards disagree. Whether that is a fault depends on which tensors the model
/// needs, which is known later (judge_index).
struct IndexFindings {
    struct Absent {
        std::string tensor;
        std::string shard;  ///< in which the index puts it; no shard has it
    };
    std::vector<Absent> absent;
    /// Tensors of earlier shards that a later one has, too; the catalogue has the last, the one
    /// that transformers takes.
    std::vector<TensorInfo> copies;
};

/// Fills in shards, stamps and tensors from the index and the headers of the shards. Everything
/// in the shards is part of the model, whether the index lists it or not.
IndexFindings read_tensors(Catalogue& catalogue, support::FaultList& faults);

/// A finding is a fault where it concerns a tensor that the model needs, otherwise a warning.
/// @param catalogue  with its matrices, if they could be found
void judge_index(const IndexFindings& findings, Catalogue& catalogue, support::FaultList& faults);

/// Adds a fault where weights of the decoder blocks are stored in a quantized form, which shows in
/// the tensors beside them, and a warning where config.json says so and they are not: it may
/// concern other parts, or be done anew whenever the model is loaded.
/// @param catalogue  with its matrices, if they could be found
void judge_quantization(Catalogue& catalogue, support::FaultList& faults);

/// What to say of a model folder without model.safetensors and without an index: which other format
/// its weights are in, and how to obtain safetensors.
support::Error no_safetensors(const std::filesystem::path& folder);

}  // namespace alphaprune::model
