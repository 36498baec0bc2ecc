#pragma once

#include <string>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::model {

/// Where index and shards do not agree. What that means for the model shows once it is known which
/// of its tensors are needed (judge_index).
struct IndexFindings {
    struct Absent {
        std::string tensor;
        std::string shard;  ///< in which the index puts it; no shard has it
    };
    std::vector<Absent> absent;
    /// Tensors of earlier shards that a later one has, too; the catalogue has the last, as
    /// transformers takes it.
    std::vector<TensorInfo> copies;
};

/// Fills in shards, stamps and tensors from the index and the headers of the shards. Everything
/// that lies in the shards is part of the model, whether the index has it or not.
IndexFindings read_tensors(Catalogue& catalogue, support::FaultList& faults);

/// What was found is a fault where it concerns a tensor that the model needs, else a warning.
void judge_index(const IndexFindings& findings, Catalogue& catalogue, support::FaultList& faults);

}  // namespace alphaprune::model
