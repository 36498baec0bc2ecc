#include "pruned_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "alphaprune/cli/help.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/checksum.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/stop.hpp"
#include "output_folder.hpp"
#include "stages.hpp"

namespace alphaprune::commands {
namespace {

std::vector<std::pair<std::string, std::string>> metadata(const cli::Options& options) {
    return {{"alphaprune_mpi", std::string(cli::program_version())},
            {"prune_method", std::string(cli::name_of(options.prune_method))},
            {"sparsity_type", sparsity_type(options)},
            {"allocation", allocation_name(options)},
            {"sparsity_ratio", fmt::format("{}", options.ratios.sparsity_ratio)}};
}

/// Sums over this rank's rows of what a writer's files hold of the recorded tensors.
template <class Writer>
std::vector<std::uint64_t> checksums_in(
    const Writer& writer, const Job& job,
    const std::vector<std::optional<pruning::PrunedTensor>>& recorded) {
    constexpr std::uint64_t kPieceBytes = 16U << 20;
    std::vector<std::uint64_t> sums(recorded.size());
    std::vector<std::byte> bytes;
    for (std::size_t t = 0; t < recorded.size(); ++t) {
        const model::TensorInfo& tensor = job.catalogue.tensors[t];
        const std::uint64_t row_bytes = tensor.row_bytes();
        if (!recorded[t] || row_bytes == 0) {
            continue;
        }
        support::check_stop();
        const parallel::RowRange mine =
            parallel::share_of(tensor.rows(), job.ranks.size(), job.ranks.rank());
        const auto step =
            static_cast<std::int64_t>(std::max<std::uint64_t>(1, kPieceBytes / row_bytes));
        for (std::int64_t at = mine.begin; at < mine.end; at += step) {
            const parallel::RowRange rows{at, std::min(at + step, mine.end)};
            bytes.resize(static_cast<std::size_t>(rows.size()) * row_bytes);
            writer.read_rows(static_cast<int>(t), rows, bytes);
            sums[t] += support::checksum_of_rows(bytes, row_bytes, static_cast<std::uint64_t>(at));
        }
    }
    return sums;
}

/// Forgets the recorded tensors that a writer's files do not hold. Collective.
template <class Writer>
void keep_sound(const Writer& writer, const Job& job,
                std::vector<std::optional<pruning::PrunedTensor>>& recorded) {
    std::vector<std::uint64_t> sums =
        parallel::together(job.ranks, [&] { return checksums_in(writer, job, recorded); });
    job.ranks.all_reduce_sum(std::span(sums));
    for (std::size_t t = 0; t < recorded.size(); ++t) {
        if (recorded[t] && recorded[t]->checksum != sums[t]) {
            support::log_warning(
                fmt::format("{}: what is in the output is not what was recorded; it is "
                            "pruned again",
                            job.catalogue.tensors[t].name));
            recorded[t].reset();
        }
    }
}

}  // namespace

PrunedFiles::PrunedFiles(const Job& job) : job_(job) {
    const checkpoint::PartialFile partial{
        .resume = job.journal->attempt() > 1, .keep = true, .created = job.journal->created()};
    if (job.options.write_hdf5) {
        checkpoint_.emplace(job.ranks, job.catalogue, job.options.output / kCheckpointName,
                            partial);
    }
    if (job.options.write_safetensors) {
        folder_.emplace(job.ranks, job.catalogue, job.options.output / kFolderName,
                        metadata(job.options), partial);
    }
}

bool PrunedFiles::resumed() const {
    return (!checkpoint_ || checkpoint_->resumed()) && (!folder_ || folder_->resumed());
}

std::vector<std::optional<pruning::PrunedTensor>> PrunedFiles::sound_tensors(
    std::vector<std::optional<pruning::PrunedTensor>> recorded) {
    if (checkpoint_) {
        keep_sound(*checkpoint_, job_, recorded);
    }
    if (folder_) {
        keep_sound(*folder_, job_, recorded);
    }
    return recorded;
}

void PrunedFiles::keep(int tensor) {
    if (folder_) {
        folder_->keep_rows(tensor,
                           {0, job_.catalogue.tensors[static_cast<std::size_t>(tensor)].rows()});
    }
}

void PrunedFiles::write_rows(int tensor, parallel::RowRange rows,
                             std::span<const std::byte> bytes) {
    if (checkpoint_) {
        checkpoint_->write_rows(tensor, rows, bytes);
    }
    if (folder_) {
        folder_->write_rows(tensor, rows, bytes);
    }
}

void PrunedFiles::sync_rows() {
    if (checkpoint_) {
        checkpoint_->sync_rows();
    }
    if (folder_) {
        folder_->sync_rows();
    }
}

void PrunedFiles::read_rows(int tensor, parallel::RowRange rows, std::span<std::byte> out) const {
    checkpoint_ ? checkpoint_->read_rows(tensor, rows, out) : folder_->read_rows(tensor, rows, out);
}

void PrunedFiles::finish(std::span<const checkpoint::TensorSummary> summaries,
                         const Spectra& spectra) {
    if (checkpoint_) {
        if (spectra.computed) {
            write_measurements(spectra);
        }
        checkpoint_->finish(summaries);
    }
    if (folder_) {
        folder_->finish();
    }
}

void PrunedFiles::write_measurements(const Spectra& spectra) {
    checkpoint_->write_spectra(spectra.computed->eigenvalues);
    for (std::size_t metric = 0; metric < spectrum::kMetrics; ++metric) {
        std::vector<double> values;
        for (const spectrum::ShapeMetrics& metrics : spectra.metrics) {
            values.push_back(metrics.values[metric]);
        }
        if (!std::ranges::all_of(values, [](double value) { return std::isnan(value); })) {
            checkpoint_->write_metric(static_cast<spectrum::Metric>(metric), values);
        }
    }
}

}  // namespace alphaprune::commands
