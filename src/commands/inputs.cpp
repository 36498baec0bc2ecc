#include "inputs.hpp"

#include <fmt/format.h>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/machine.hpp"
#include "alphaprune/transformer/forward_check.hpp"
#include "model_source.hpp"

namespace alphaprune {
namespace {

/// @throws Error on all ranks when a node has not the memory that calibration needs
void require_memory(const Communicator& ranks, const Inputs& inputs) {
    const auto neighbours = static_cast<std::uint64_t>(inputs.nodes.node().size());
    together(ranks, [&] {
        const std::uint64_t room = available_memory() / neighbours;
        if (inputs.memory.total() > room) {
            throw bad_request(fmt::format("calibration needs {} of memory a rank, and there is {}",
                                          human_bytes(inputs.memory.total()), human_bytes(room)),
                              host_name(),
                              "use more nodes, fewer --nsamples or a shorter --seqlen");
        }
    });
}

}  // namespace

Inputs read_inputs(const Communicator& ranks, const Options& options, const Catalogue& catalogue) {
    Inputs inputs{NodeMap(ranks), {}, {}, {}};
    const bool calibrates = !options.calibration.empty();
    if (calibrates || !options.evaluations.empty()) {
        const RowSource source = together(ranks, [&] { return open_source(catalogue); });
        inputs.warnings =
            check_forward_pass(ranks, catalogue, source,
                               options.evaluations.empty() ? PassReach::blocks : PassReach::head);
    }
    if (calibrates) {
        inputs.calibration =
            load_calibration(ranks, options.calibration, catalogue, options.sequences,
                             options.sequence_length, options.seed);
        inputs.memory = calibration_memory(
            catalogue,
            options.prune_method == PruneMethod::sparsegpt ? CalibratedMethod::sparsegpt
                                                           : CalibratedMethod::wanda,
            inputs.calibration, ranks.size(), inputs.nodes.node().size());
        require_memory(ranks, inputs);
        if (!options.sequences && inputs.calibration.count() < kUsualSequences) {
            inputs.warnings.push_back(fmt::format(
                "{} has {} samples, fewer than the usual {}: calibration takes them "
                "all",
                options.calibration.string(), inputs.calibration.count(), kUsualSequences));
        }
    }
    inputs.evaluations =
        load_evaluations(ranks, options.evaluations, catalogue, options.sequence_length);
    say_warnings(inputs.warnings);
    return inputs;
}

}  // namespace alphaprune
