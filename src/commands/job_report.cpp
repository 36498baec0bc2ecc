#include <fmt/format.h>

#include "alphaprune/cli/help.hpp"
#include "alphaprune/model/matrix_choice.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/machine.hpp"
#include "alphaprune/support/peak_memory.hpp"
#include "commands.hpp"
#include "output_folder.hpp"
#include "stages.hpp"

namespace alphaprune::commands {
namespace {

using report::RunReport;

void add_model(const Job& job, RunReport& report) {
    const model::Catalogue& catalogue = job.catalogue;
    report.model_name = catalogue.model_name;
    report.family = catalogue.family;
    report.blocks = static_cast<int>(catalogue.prunable_blocks().size());
    report.prunable_parameters = catalogue.prunable_parameters();
    const model::PrunableShare share =
        model::prunable_share(catalogue, job.options.matrices, job.options.blocks);
    report.block_weights = share.block_weights;
    for (const model::LeftOut& group : share.left_out) {
        report.left_out.push_back({group.names, group.reason, group.tensors, group.weights});
    }
    report.fused = model::name_of(job.options.matrices.fused);
    for (const model::MatrixInfo& matrix : catalogue.matrices) {
        report::MatrixReport entry;
        entry.name = catalogue.name_of(matrix);
        entry.block = matrix.block;
        entry.rows = matrix.rows;
        entry.cols = matrix.cols;
        entry.transposed = matrix.transposed;
        if (matrix.is_slice()) {
            const model::OutputPattern& pattern = matrix.pattern;
            const std::int64_t run = pattern.run == 0 ? matrix.outputs() : pattern.run;
            entry.slice = {catalogue.tensor_of(matrix).name,
                           matrix.expert < 0 ? std::nullopt : std::optional(matrix.expert),
                           pattern.first, run, pattern.run == 0 ? run : pattern.stride};
        }
        report.matrices.push_back(std::move(entry));
    }
}

void add_run(const Job& job, RunReport& report) {
    report.program_version = cli::program_version();
    report.program_commit = cli::program_commit();
    report.command_line = job.options.command_line;
    report.shown_metric = spectrum::name_of(job.options.metric);
    report.ranks = job.ranks.size();
    report.threads_per_rank = job.threads_per_rank;
    report.forward_precision = linalg::name_of(job.forward.precision);
    report.hosts = job.hosts;
    report.started = job.started;
    report.seconds = job.clock.total();
    report.phases = job.clock.phases();
    report.resumed_matrices = job.resumed_matrices;
    report.attempts = job.journal->attempt();
    report.identity = job.identity;
    report.gemm_gflops = job.rates.dgemm_gflops;
    report.timeline = job.timeline;
    report.peak_memory = job.ranks.max(support::peak_memory());
}

void add_spectra(const Job& job, const Spectra& spectra, RunReport& report) {
    for (std::size_t m = 0; m < spectra.metrics.size(); ++m) {
        report.matrices[m].metrics = spectra.metrics[m];
        report.matrices[m].has_metrics = true;
    }
    if (spectra.computed) {
        for (std::size_t m = 0; m < report.matrices.size(); ++m) {
            const spectrum::MatrixSpectrum& from = spectra.computed->matrices[m];
            report.matrices[m].solver = linalg::name_of(from.solver);
            report.matrices[m].in_single = from.in_single;
            report.matrices[m].group_ranks = from.group_ranks;
            report.matrices[m].seconds = from.seconds;
        }
    }
    if (spectra.farms) {
        const spectrum::FarmsOptions& options = job.options.farms;
        report.farms = {options.aspect, options.largest_side, options.offsets,
                        spectra.farms->windows};
    }
    report.threads_per_rank = spectra.threads_per_rank.value_or(report.threads_per_rank);
}

void add_ratios(const cli::Options& options, const Ratios& ratios, RunReport& report) {
    report.prune_method = options.pruner->name;
    report.sparsity_type = sparsity_type(options);
    report::AllocationReport& allocation = report.allocation.emplace();
    allocation.name = allocation_name(options);
    allocation.metric = needs_metric(options) ? spectrum::name_of(options.metric) : "";
    allocation.mapping_type = allocation::name_of(options.ratios.mapping);
    allocation.epsilon = options.ratios.epsilon;
    allocation.sparsity_ratio = options.ratios.sparsity_ratio;
    allocation.max_sparsity = options.ratios.max_sparsity;
    allocation.bounded_blocks = ratios.allocation.bounded_blocks;
    for (const support::MethodOption& option : options.allocation->options) {
        allocation.own_options.push_back({std::string(option.name), std::string(option.symbol),
                                          support::value_of(option, options.method_values)});
    }
    for (const allocation::SearchStep& step : ratios.search) {
        report.search.push_back({step.change, step.loss, step.better});
    }
    for (std::size_t m = 0; m < report.matrices.size(); ++m) {
        report.matrices[m].sparsity_ratio = ratios.targets[m].ratio;
    }
}

void add_inputs(const cli::Options& options, const Inputs& inputs, RunReport& report) {
    const model::TokenSequences& calibration = inputs.calibration.sequences;
    if (calibration.count() == 0) {
        return;
    }
    report::CalibrationReport& entry = report.calibration.emplace();
    entry.seqlen = calibration.length;
    entry.sequences = calibration.count();
    entry.seed = options.seed;
    for (std::size_t f = 0; f < options.calibration.size(); ++f) {
        const auto& [path, weight] = options.calibration[f];
        entry.text += (f == 0 ? "" : ", ") + path.string();
        if (options.calibration.size() > 1) {
            entry.files.push_back(
                {path.string(), weight, inputs.calibration.count_of(static_cast<int>(f))});
        }
    }
}

void add_settings(const cli::Options& options, const ChosenSettings& chosen, RunReport& report) {
    if (!pruning::needs_activations(*options.pruner, chosen.settings)) {
        return;
    }
    const pruning::OutputTargets& outputs = chosen.settings.outputs;
    report::TargetsReport& targets = report.targets.emplace();
    targets = {outputs.dense, outputs.residual,
               options.sites_sequentially ? "sequential" : "together", chosen.settings.damping};
    for (const auto& [settings, perplexity] : chosen.trials) {
        targets.tried.push_back(
            {settings.outputs.dense, settings.outputs.residual, settings.damping, perplexity});
    }
}

void add_perplexities(const Inputs& inputs, const Perplexities& perplexities, RunReport& report) {
    for (std::size_t t = 0; t < perplexities.dense.size(); ++t) {
        const transformer::Perplexity& dense = perplexities.dense[t];
        report.perplexities.push_back({inputs.evaluations[t].file.string(), dense.seqlen,
                                       dense.windows, dense.value, perplexities.pruned[t].value});
    }
}

/// What the stages have to say, in their order.
std::vector<std::string> notes_of(const Results& results) {
    std::vector<std::string> notes = results.spectra.notes;
    const auto add = [&](const std::vector<std::string>& more) {
        notes.insert(notes.end(), more.begin(), more.end());
    };
    add(results.chosen.notes);
    if (results.ratios) {
        add(results.ratios->allocation.notes);
    }
    if (results.pruned) {
        add(results.pruned->notes);
    }
    add(results.perplexities.notes);
    return notes;
}

/// What the owners of the spectra say of them, one per matrix.
struct DrawnSpectra {
    std::vector<report::SpectrumPicture> pictures;
    std::vector<std::optional<report::LawReport>> laws;
};

/// Each owner draws the spectra it holds, and fits their tails. Collective.
DrawnSpectra draw_spectra(const Job& job, const phases::SpectrumResults& spectra) {
    constexpr std::size_t kBins = 60;
    const std::size_t matrices = spectra.eigenvalues.size();
    std::vector<report::SpectrumPicture> pictures(matrices);
    std::vector<report::LawReport> laws(matrices);
    for (std::size_t m = 0; m < matrices; ++m) {
        const spectrum::Metric metric =
            report::fitted_metric(job.options.metric, spectra.matrices[m].in_single);
        if (!spectra.eigenvalues[m].empty()) {  // else another rank's
            pictures[m] = report::picture_of(spectra.eigenvalues[m], kBins);
            laws[m] = report::law_of(spectra.eigenvalues[m], metric).value_or(report::LawReport{});
        }
        pictures[m].counts.resize(kBins);
        laws[m].metric = spectrum::name_of(metric);
    }
    std::vector<double> numbers;
    std::vector<std::int64_t> counts;
    for (std::size_t m = 0; m < matrices; ++m) {
        numbers.insert(numbers.end(), {pictures[m].log10_min, pictures[m].log10_max, laws[m].alpha,
                                       laws[m].lambda_min, laws[m].distance});
        counts.insert(counts.end(), pictures[m].counts.begin(), pictures[m].counts.end());
        counts.push_back(laws[m].tail);
    }
    job.ranks.all_reduce_sum(std::span(numbers));
    job.ranks.all_reduce_sum(std::span(counts));
    DrawnSpectra drawn;
    for (std::size_t m = 0; m < matrices; ++m) {
        const double* of = &numbers[5 * m];
        const auto first = counts.begin() + static_cast<std::ptrdiff_t>(m * (kBins + 1));
        drawn.pictures.push_back({of[0], of[1], {first, first + kBins}});
        laws[m] = {laws[m].metric, of[2], of[3], first[kBins], of[4]};
        drawn.laws.push_back(laws[m].tail > 0 ? std::optional(laws[m]) : std::nullopt);
    }
    return drawn;
}

/// Everything report.json says. Collective.
RunReport compose_report(const Job& job, const Inputs* inputs, const Results& results) {
    RunReport report;
    add_run(job, report);
    add_model(job, report);
    add_spectra(job, results.spectra, report);
    if (results.ratios) {
        add_ratios(job.options, *results.ratios, report);
        report.allocation->epsilon_choice = results.epsilon_choice;
        add_settings(job.options, results.chosen, report);
    }
    if (results.pruned) {
        for (std::size_t m = 0; m < report.matrices.size(); ++m) {
            report.matrices[m].zeros = results.pruned->matrix_zeros[m];
            if (!results.pruned->fits.empty() && results.pruned->fits[m]) {
                report.matrices[m].iterations = results.pruned->fits[m]->iterations;
                report.matrices[m].relative_error = results.pruned->fits[m]->relative_error;
            }
        }
    }
    if (inputs != nullptr) {
        add_inputs(job.options, *inputs, report);
        add_perplexities(*inputs, results.perplexities, report);
    }
    report.notes = job.notes;
    const std::vector<std::string> notes = notes_of(results);
    report.notes.insert(report.notes.end(), notes.begin(), notes.end());
    return report;
}

}  // namespace

void finish_job(const Job& job, const Inputs* inputs, const Results& results) {
    const DrawnSpectra drawn =
        results.spectra.computed ? draw_spectra(job, *results.spectra.computed) : DrawnSpectra{};
    RunReport report = compose_report(job, inputs, results);
    for (std::size_t m = 0; m < drawn.laws.size(); ++m) {
        report.matrices[m].law = drawn.laws[m];
    }
    const std::string table = report::block_table(report) + report::perplexity_lines(report);
    parallel::run_on_root(job.ranks, [&] {
        const std::filesystem::path& folder = job.options.output;
        report::write_matrices_csv(report, folder);
        report::write_metric_files(report, folder);
        report::write_html_report(report, drawn.pictures, folder);
        report::write_report_json(report, folder);  // last: it says that all the others are there
        resume::Journal::remove(folder);
        for (const std::string& note : notes_of(results)) {
            support::log_warning(note);
        }
        support::log_to_file("\n" + table);
    });
    if (job.sweep == nullptr) {  // a sweep prints a table of its own
        print_result(job.ranks, table);
    }
    support::log_info(fmt::format("done in {}; peak memory of this rank {}; results in {}",
                                  support::human_duration(job.clock.total()),
                                  support::human_bytes(support::peak_memory()),
                                  job.options.output.string()));
    support::close_log_file();
}

}  // namespace alphaprune::commands
