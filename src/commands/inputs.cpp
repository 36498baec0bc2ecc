#include "inputs.hpp"

#include <fmt/format.h>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/schedule/calibrated_phase.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/machine.hpp"
#include "alphaprune/transformer/transformer.hpp"

namespace alphaprune {
namespace {

/// Says what calibration will need and refuses it where there is not so much.
void require_memory(const Communicator& ranks, const Options& options, const Catalogue& catalogue,
                    const Inputs& inputs) {
    const auto method = options.prune_method == PruneMethod::sparsegpt ? CalibratedMethod::sparsegpt
                                                                       : CalibratedMethod::wanda;
    const int neighbours = inputs.nodes.node().size();
    const CalibrationMemory memory =
        calibration_memory(catalogue, method, inputs.calibration, ranks.size(), neighbours);
    log_info(
        fmt::format("calibration: {} sequences of {} tokens, {} a rank (weights {}, "
                    "activations {}, statistics {})",
                    inputs.calibration.count(), inputs.calibration.length,
                    human_bytes(memory.total()), human_bytes(memory.weights),
                    human_bytes(memory.activations), human_bytes(memory.statistics)));
    together(ranks, [&] {
        const std::uint64_t room = available_memory() / static_cast<std::uint64_t>(neighbours);
        if (memory.total() > room) {
            throw bad_request(fmt::format("calibration needs {} of memory a rank, and there is {}",
                                          human_bytes(memory.total()), human_bytes(room)),
                              host_name(),
                              "use more nodes, fewer --nsamples or a shorter --seqlen");
        }
    });
}

}  // namespace

Inputs read_inputs(const Communicator& ranks, const Options& options, const Catalogue& catalogue) {
    Inputs inputs{NodeMap(ranks), {}, {}};
    const bool calibrates = !options.calibration.empty();
    if (calibrates || !options.evaluations.empty()) {
        together(ranks, [&] { Transformer{catalogue}; });
    }
    if (calibrates) {
        inputs.calibration =
            load_calibration(ranks, options.calibration, catalogue, options.sequences,
                             options.sequence_length, options.seed);
        require_memory(ranks, options, catalogue, inputs);
    }
    inputs.evaluations =
        load_evaluations(ranks, options.evaluations, catalogue, options.sequence_length);
    return inputs;
}

}  // namespace alphaprune
