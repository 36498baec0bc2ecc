#include <algorithm>

#include "alphaprune/pruning/sparsegpt.hpp"
#include "alphaprune/schedule/calibrated_phase.hpp"
#include "alphaprune/transformer/transformer.hpp"

namespace alphaprune {
namespace {

std::uint64_t statistics_bytes(CalibratedMethod method, std::span<const InputSite> sites,
                               std::int64_t own, std::int64_t all, int ranks) {
    std::uint64_t bytes = 0;
    for (const InputSite& site : sites) {
        bytes += method == CalibratedMethod::sparsegpt
                     ? Hessian::memory_needed(site.cols, ranks)
                     : static_cast<std::uint64_t>(site.cols * (own + all + 1)) * sizeof(float);
    }
    return bytes;
}

}  // namespace

CalibrationMemory calibration_memory(const Catalogue& catalogue, CalibratedMethod method,
                                     const TokenSequences& sequences, int ranks, int node_ranks) {
    const Transformer transformer(catalogue);
    const std::int64_t own = share_of(sequences.count(), ranks, 0).size();
    CalibrationMemory memory;
    for (int block = 0; block < catalogue.blocks(); ++block) {
        const auto tensors = transformer.block_tensors(block);
        const std::uint64_t weights = SharedWeights::bytes_for(catalogue, tensors);
        memory.weights = std::max(memory.weights, weights / static_cast<std::uint64_t>(node_ranks));
        memory.statistics =
            std::max(memory.statistics, statistics_bytes(method, transformer.input_sites(block),
                                                         own, sequences.count(), ranks));
    }
    const auto state =
        static_cast<std::uint64_t>(sequences.length * transformer.hidden_size()) * sizeof(float);
    memory.activations =
        state * static_cast<std::uint64_t>(own + 1) + transformer.scratch_bytes(sequences.length);
    return memory;
}

}  // namespace alphaprune
