#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "alphaprune/cli/help.hpp"
#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/support/checksum.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/machine.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/support/slabs.hpp"
#include "stages.hpp"

namespace alphaprune::commands {
namespace {

const support::Warning<std::string_view, std::string, std::string> kOtherProvenance{
    "commands.attempts-differ",
    "a part of this run was computed with another {} ({}) than the rest ({}): the last bits may "
    "differ from those of a run with only one",
    "the run was continued on other nodes, or after the program or its libraries were rebuilt",
    "nothing, unless the bits must be reproducible: then repeat the run on one kind of node"};
const support::Warning<std::string_view, std::string> kMixedRanks{
    "commands.ranks-differ",
    "the ranks have different {} ({}): the last bits of the results may depend on which rank "
    "computed what",
    "the nodes of the job are not of one kind",
    "nothing, unless the bits must be reproducible: then use nodes of one kind"};

template <class T>
std::string digest_of(std::span<const T> values) {
    return fmt::format("{:016x}", support::hash_bytes(std::as_bytes(values)));
}

/// "contents 0123456789abcdef"; empty for no file.
std::string contents_of(const std::filesystem::path& path) {
    if (path.empty()) {
        return {};
    }
    const support::File file = support::File::open_for_reading(path);
    constexpr std::uint64_t kSlabBytes = 1U << 22;
    std::vector<std::byte> slab;
    std::uint64_t hash = 0;
    support::for_each_slab(file.size(), kSlabBytes, [&](std::uint64_t begin, std::uint64_t end) {
        slab.resize(end - begin);
        file.read_at(begin, slab);
        hash = support::hash_bytes(slab, hash);
    });
    return fmt::format("contents {:016x}", hash);
}

std::string tokens_of(const model::TokenSequences& sequences) {
    return sequences.count() == 0
               ? std::string()
               : fmt::format("{} of {} tokens {}", sequences.count(), sequences.length,
                             digest_of(std::span<const std::int32_t>(sequences.ids)));
}

void add(resume::RunIdentity& identity, std::string name, std::string value) {
    identity.parts.emplace_back(std::move(name), std::move(value));
}
void add(resume::RunIdentity& identity, std::string name, double value) {
    add(identity, std::move(name), fmt::format("{}", value));
}

void add_setting(resume::RunIdentity& identity, std::string name, std::optional<double> value) {
    add(identity, std::move(name), value ? fmt::format("{}", *value) : "auto");
}

std::string texts_of(const std::vector<model::NamePattern>& patterns) {
    std::string texts;
    for (const model::NamePattern& pattern : patterns) {
        texts += (texts.empty() ? "" : ", ") + fmt::format("'{}'", pattern.text());
    }
    return texts.empty() ? "none" : texts;
}

void add_files(resume::RunIdentity& identity, const std::string& whose,
               const model::Catalogue& catalogue) {
    for (std::size_t s = 0; s < catalogue.stamps.size(); ++s) {
        const support::FileStamp& stamp = catalogue.stamps[s];
        add(identity, whose + catalogue.shards[s],
            fmt::format("{} bytes, last changed {} ns after 1970", stamp.size, stamp.modified));
    }
}

void add_model(resume::RunIdentity& identity, const cli::Options& options,
               const model::Catalogue& catalogue) {
    add(identity, "the model's config.json",
        digest_of(std::span<const char>(catalogue.configuration_text)));
    add(identity, "--synthetic", catalogue.origin == model::WeightOrigin::synthetic ? "on" : "off");
    add(identity, "--blocks",
        options.blocks ? fmt::format("{}-{}", options.blocks->first, options.blocks->last) : "all");
    add(identity, "--include", texts_of(options.matrices.include));
    add(identity, "--exclude", texts_of(options.matrices.exclude));
    add(identity, "--fused", std::string(model::name_of(options.matrices.fused)));
    add_files(identity, "the model's file ", catalogue);
}

void add_spectra(resume::RunIdentity& identity, const cli::Options& options) {
    add(identity, "--metric", std::string(spectrum::name_of(options.metric)));
    if (options.metric == spectrum::Metric::alpha_peak_farms) {
        add(identity, "--farms-aspect", options.farms.aspect);
    }
    add(identity, "--solver",
        options.solver ? std::string(linalg::name_of(*options.solver)) : "auto");
    add(identity, "--precision", std::string(linalg::name_of(options.precision)));
    // Only where the bits depend on how many ranks share a matrix.
    if (options.solver && planning::spans_nodes(*options.solver)) {
        add(identity, "--group-ranks",
            options.group_ranks ? std::to_string(*options.group_ranks) : "all");
    }
}

void add_own_options(resume::RunIdentity& identity, const std::vector<support::MethodOption>& own,
                     const cli::Options& options) {
    for (const support::MethodOption& option : own) {
        add(identity, fmt::format("--{}", option.name),
            support::value_of(option, options.method_values));
    }
}

void add_allocation(resume::RunIdentity& identity, const cli::Options& options) {
    const allocation::AllocationOptions& ratios = options.ratios;
    add(identity, "--allocation", std::string(options.allocation->name));
    add(identity, "the file of --allocation", contents_of(options.allocation_file));
    add(identity, "--sparsity-ratio", ratios.sparsity_ratio);
    add(identity, "--mapping-type", std::string(allocation::name_of(ratios.mapping)));
    add(identity, "--epsilon", ratios.epsilon);
    add(identity, "--max-sparsity", ratios.max_sparsity);
    add_own_options(identity, options.allocation->options, options);
    add(identity, "the file of --metric-cache", contents_of(options.metric_cache));
}

void add_pruning(resume::RunIdentity& identity, const cli::Options& options,
                 linalg::ForwardPrecision forward) {
    add(identity, "--prune-method", std::string(options.pruner->name));
    add(identity, "--sparsity-type", options.mixed_pattern ? "mixed" : sparsity_type(options));
    add_setting(identity, "--dense-target", options.dense_target);
    add_setting(identity, "--residual-target", options.residual_target);
    if (forward != linalg::ForwardPrecision::float32) {
        add(identity, "--forward-precision", std::string(linalg::name_of(forward)));
    }
    add(identity, "--site-order", options.sites_sequentially ? "sequential" : "together");
    add_setting(identity, "--damping", options.damping);
    add(identity, "--ties", options.ties == pruning::Ties::exact ? "exact" : "inclusive");
    add_own_options(identity, options.pruner->options, options);
    if (options.store_bitmask) {
        add(identity, "--storage", "bitmask");
    }
    add(identity, "--format",
        fmt::format("{}{}", options.write_hdf5 ? "hdf5 " : "",
                    options.write_safetensors ? "safetensors" : ""));
}

std::string processor_here() {
    return fmt::format("{}, {} kernels", support::processor_model(), linalg::vector_kernels());
}

/// Adds a note for each part in which an earlier attempt differs.
void compare(const resume::Provenance& then, const resume::Provenance& now,
             std::vector<std::string>& notes) {
    const auto compare_one = [&](std::string_view what, const std::string& before,
                                 const std::string& today) {
        if (before != today) {
            notes.push_back(kOtherProvenance(what, before, today));
        }
    };
    compare_one("version of the program", then.version, now.version);
    compare_one("build of the program", then.commit, now.commit);
    compare_one("type of processor", then.processor, now.processor);
    compare_one("BLAS", then.blas, now.blas);
}

}  // namespace

resume::RunIdentity identity_of_analysis(const cli::Options& options,
                                         const model::Catalogue& catalogue) {
    resume::RunIdentity identity;
    add(identity, "the command", "analyze");
    add_model(identity, options, catalogue);
    add_spectra(identity, options);
    return identity;
}

resume::RunIdentity identity_of_run(const cli::Options& options, const model::Catalogue& catalogue,
                                    const Inputs& inputs) {
    resume::RunIdentity identity;
    add(identity, "the command", "run");
    add_model(identity, options, catalogue);
    if (needs_metric(options)) {
        add_spectra(identity, options);
    }
    add_allocation(identity, options);
    add_pruning(identity, options, inputs.forward.precision);
    if (inputs.mask) {
        add_files(identity, "the file of --mask-from ", *inputs.mask);
    }
    add(identity, "the sequences of --calibration, --nsamples, --seqlen and --seed",
        tokens_of(inputs.calibration.sequences));
    for (std::size_t t = 0; t < inputs.evaluations.size(); ++t) {
        add(identity, fmt::format("the windows of --eval, number {}", t + 1),
            tokens_of(inputs.evaluations[t].windows));
    }
    return identity;
}

resume::Provenance provenance_here() {
    return {std::string(cli::program_version()), std::string(cli::program_commit()),
            processor_here(), linalg::blas_name()};
}

std::vector<std::string> different_ones(const parallel::Communicator& ranks,
                                        const std::string& mine) {
    const std::vector<std::string> all = ranks.all_gather_texts(mine);
    const std::set<std::string> different(all.begin(), all.end());
    return {different.begin(), different.end()};
}

std::vector<std::string> provenance_notes(const parallel::Communicator& ranks,
                                          const resume::Journal& journal) {
    const resume::Provenance now = provenance_here();
    std::vector<std::string> notes;
    for (const auto& [what, mine] :
         {std::pair("types of processor", now.processor), std::pair("BLAS libraries", now.blas)}) {
        const std::vector<std::string> all = different_ones(ranks, mine);
        if (all.size() > 1) {
            notes.push_back(kMixedRanks(what, fmt::format("{}", fmt::join(all, "; "))));
        }
    }
    for (const resume::Provenance& then : journal.computed_by()) {
        compare(then, now, notes);
    }
    return notes;
}

}  // namespace alphaprune::commands
