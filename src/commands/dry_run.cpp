#include "dry_run.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/machine.hpp"
#include "commands.hpp"
#include "job_cards.hpp"
#include "output_folder.hpp"
#include "stages.hpp"
#include "sweep_folder.hpp"

namespace alphaprune::commands {
namespace {

/// "prune to a sparsity ratio of 0.7 by wanda (unstructured), ratios by alphapruning"
std::string work_of(const cli::Options& options) {
    if (options.command == cli::Command::analyze) {
        return "compute the spectra";
    }
    const std::string ratio =
        options.allocation->is_computed()
            ? fmt::format(" to a sparsity ratio of {}", options.ratios.sparsity_ratio)
            : "";
    return fmt::format("prune{} by {} ({}), ratios by {}", ratio, options.pruner->name,
                       sparsity_type(options), allocation_name(options));
}

std::string results_of(const cli::Options& options) {
    std::string names = std::string(kReportName);
    const auto add = [&](bool wanted, std::string_view name) {
        names += wanted ? fmt::format(", {}", name) : "";
    };
    add(true, kReportHtmlName);
    add(true, kMatricesName);
    const bool prunes = options.command == cli::Command::run;
    add(prunes && options.write_hdf5, kCheckpointName);
    add(prunes && options.write_safetensors, kFolderName);
    return names;
}

/// "prune in 3 runs"
std::string work_of_sweep(const cli::Options& options) {
    const std::size_t runs = options.sweep.points.size();
    return fmt::format("prune in {} run{}", runs, runs == 1 ? "" : "s");
}

std::string results_of_sweep() {
    return fmt::format("a folder for each run, {}", fmt::join(kSweepNames, ", "));
}

std::string description(const Job& job, std::uint64_t bytes_needed, EarlierRun earlier) {
    const model::Catalogue& catalogue = job.catalogue;
    const bool sweeps = job.options.command == cli::Command::sweep;
    std::string text = fmt::format(
        "dry run: nothing is written\nwould {}: {} matrices of {} blocks of {}\n",
        sweeps ? work_of_sweep(job.options) : work_of(job.options), catalogue.matrices.size(),
        catalogue.prunable_blocks().size(), catalogue.model_name);
    text += fmt::format("would write {} into {}, at most {}\n",
                        sweeps ? results_of_sweep() : results_of(job.options),
                        job.options.output.string(), support::human_bytes(bytes_needed));
    if (earlier == EarlierRun::unfinished) {
        text += "would continue the unfinished run that is there, if it is the same one\n";
    } else if (earlier == EarlierRun::complete) {
        text += job.options.overwrite ? "would replace the results that are there\n"
                : sweeps ? "would add what is missing to the complete sweep that is there\n"
                         : "a complete run is there: nothing would be done\n";
    }
    return text + "\n";
}

}  // namespace

support::ExitStatus show_without_doing(const Job& job, std::uint64_t bytes_needed) {
    const std::string text = parallel::text_from_root(job.ranks, [&] {
        const bool sweeps = job.options.command == cli::Command::sweep;
        const EarlierRun earlier =
            sweeps ? earlier_sweep_in(job.options.output) : earlier_run_in(job.options.output);
        const bool is_continued = sweeps && job.options.resume && earlier == EarlierRun::complete;
        if (!is_continued) {
            check_output_folder(job.options, job.catalogue.folder, bytes_needed);
        }
        return description(job, bytes_needed, earlier);
    });
    cli::Options options = job.options;
    options.threads_per_rank = job.threads_per_rank;
    const auto& card = job.forward.card;
    const JobCards cards = cards_of_job(
        job.ranks, card || !job.card ? card : std::optional(job.card->index), options.card_memory);
    if (cards.of_node > 0) {
        options.plan.cards_per_node = cards.of_node;
        options.plan.ranks_per_node = job.ranks.max(job.ranks.split_by_node().size());
        options.card_memory = cards.memory;
    }
    const planning::PlanReport plan = make_plan(job.ranks, options);
    print_result(job.ranks, parallel::text_from_root(
                                job.ranks, [&] { return text + planning::plan_table(plan); }));
    return support::ExitStatus::done;
}

}  // namespace alphaprune::commands
