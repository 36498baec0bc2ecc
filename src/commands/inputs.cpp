#include "inputs.hpp"

#include <fmt/format.h>

#include <set>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/machine.hpp"
#include "alphaprune/transformer/forward_check.hpp"
#include "alphaprune/transformer/transformer.hpp"
#include "model_source.hpp"

namespace alphaprune::commands {
namespace {

/// @throws Error on all ranks when a node has not the memory that calibration needs
void require_memory(const parallel::Communicator& ranks, const Inputs& inputs) {
    const auto neighbours = static_cast<std::uint64_t>(inputs.nodes.node().size());
    parallel::together(ranks, [&] {
        const std::uint64_t room = support::available_memory() / neighbours;
        if (inputs.memory.total() > room) {
            throw support::bad_request(
                fmt::format("calibration needs {} of memory a rank, and there is {}",
                            support::human_bytes(inputs.memory.total()),
                            support::human_bytes(room)),
                support::host_name(), "use more nodes, fewer --nsamples or a shorter --seqlen");
        }
    });
}

/// Methods that look at activations know those that go into the layers of the forward pass alone.
void require_known_inputs(const model::Catalogue& catalogue) {
    const transformer::Transformer transformer(catalogue);
    std::set<int> known;
    for (int block = 0; block < catalogue.blocks(); ++block) {
        for (const transformer::InputSite& site : transformer.input_sites(block)) {
            known.insert(site.matrices.begin(), site.matrices.end());
        }
    }
    for (std::size_t m = 0; m < catalogue.matrices.size(); ++m) {
        if (!known.contains(static_cast<int>(m))) {
            throw support::bad_request(
                fmt::format("--include names {}, whose input the forward pass of the "
                            "family {} does not know",
                            catalogue.name_of(catalogue.matrices[m]), catalogue.family),
                catalogue.folder.string(),
                "leave it out, or choose --prune-method and --allocation among those that need "
                "no --calibration");
        }
    }
}

}  // namespace

Inputs read_inputs(const parallel::Communicator& ranks, const cli::Options& options,
                   const model::Catalogue& catalogue) {
    Inputs inputs{parallel::NodeMap(ranks), {}, {}, {}};
    const bool calibrates = !options.calibration.empty();
    if (calibrates || !options.evaluations.empty()) {
        const model::RowSource source =
            parallel::together(ranks, [&] { return open_source(catalogue); });
        inputs.warnings = transformer::check_forward_pass(ranks, catalogue, source,
                                                          options.evaluations.empty()
                                                              ? transformer::PassReach::blocks
                                                              : transformer::PassReach::head);
    }
    if (calibrates) {
        parallel::together(ranks, [&] { require_known_inputs(catalogue); });
        inputs.calibration =
            load_calibration(ranks, options.calibration, catalogue, options.sequences,
                             options.sequence_length, options.seed);
        inputs.memory = planning::calibration_memory(
            catalogue, *options.pruner, options.allocation->needs_activations(), inputs.calibration,
            ranks.size(), inputs.nodes.node().size());
        require_memory(ranks, inputs);
        if (!options.sequences && inputs.calibration.count() < model::kUsualSequences) {
            inputs.warnings.push_back(fmt::format(
                "{} has {} samples, fewer than the usual {}: calibration takes them "
                "all",
                options.calibration.string(), inputs.calibration.count(), model::kUsualSequences));
        }
    }
    inputs.evaluations =
        load_evaluations(ranks, options.evaluations, catalogue, options.sequence_length);
    say_warnings(inputs.warnings);
    return inputs;
}

}  // namespace alphaprune::commands
