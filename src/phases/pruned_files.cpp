#include "alphaprune/phases/pruned_files.hpp"

#include <algorithm>
#include <cmath>

#include "alphaprune/model/matrix_slices.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/checksum.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/support/stop.hpp"

namespace alphaprune::phases {
namespace {

using Recorded = std::vector<std::optional<pruning::PrunedTensor>>;

const support::Warning<std::string> kNotAsRecorded{
    "phases.output-not-as-recorded",
    "{}: what is in the output is not what was recorded; it is pruned again",
    "the files were changed after the attempt before, or the disk lost what it had acknowledged",
    "check the file system if this comes again"};

/// Sums over this rank's rows of what a writer's files hold of the recorded tensors.
template <class Writer>
std::vector<std::uint64_t> checksums_in(const Writer& writer, const parallel::Communicator& ranks,
                                        const model::Catalogue& catalogue,
                                        const Recorded& recorded) {
    constexpr std::uint64_t kReadBytes = 16U << 20;
    std::vector<std::uint64_t> sums(recorded.size());
    std::vector<std::byte> bytes;
    for (std::size_t t = 0; t < recorded.size(); ++t) {
        const model::TensorInfo& tensor = catalogue.tensors[t];
        const std::uint64_t row_bytes = tensor.row_bytes();
        if (!recorded[t] || row_bytes == 0) {
            continue;
        }
        support::check_stop();
        const parallel::RowRange mine =
            parallel::share_of(tensor.rows(), ranks.size(), ranks.rank());
        const auto add = [&](parallel::RowRange rows) {
            bytes.resize(static_cast<std::size_t>(rows.size()) * row_bytes);
            writer.read_rows(static_cast<int>(t), rows, bytes);
            sums[t] +=
                support::checksum_of_rows(bytes, row_bytes, static_cast<std::uint64_t>(rows.begin));
        };
        parallel::for_each_slab(mine, row_bytes, add, kReadBytes);
    }
    return sums;
}

/// Forgets the recorded tensors that a writer's files do not hold. Collective.
template <class Writer>
void keep_sound(const Writer& writer, const parallel::Communicator& ranks,
                const model::Catalogue& catalogue, Recorded& recorded) {
    std::vector<std::uint64_t> sums = parallel::run_collectively(
        ranks, [&] { return checksums_in(writer, ranks, catalogue, recorded); });
    ranks.all_reduce_sum(std::span(sums));
    for (std::size_t t = 0; t < recorded.size(); ++t) {
        if (recorded[t] && recorded[t]->checksum != sums[t]) {
            support::log_warning(kNotAsRecorded(catalogue.tensors[t].name));
            recorded[t].reset();
        }
    }
}

/// Forgets the recorded tensors that a writer cannot leave where they are. Collective.
template <class Writer>
void keep_in_place(Writer& writer, Recorded& recorded) {
    std::vector<bool> wanted;
    for (const auto& tensor : recorded) {
        wanted.push_back(tensor.has_value());
    }
    const std::vector<bool> kept = writer.keep(std::move(wanted));
    for (std::size_t t = 0; t < recorded.size(); ++t) {
        if (!kept[t]) {
            recorded[t].reset();
        }
    }
}

/// The mean over its values, of which those outside of its matrices have none.
double ratio_of_tensor(const model::Catalogue& catalogue, int tensor,
                       std::span<const pruning::PruneTarget> targets) {
    double removed = 0;
    for (const int matrix : model::matrices_of(catalogue, tensor)) {
        const auto number = static_cast<std::size_t>(matrix);
        const model::MatrixInfo& info = catalogue.matrices[number];
        if (!info.is_slice()) {
            return targets[number].ratio;
        }
        removed += targets[number].ratio * static_cast<double>(info.size());
    }
    const std::int64_t values = catalogue.tensors[static_cast<std::size_t>(tensor)].values();
    return removed == 0 ? 0.0 : removed / static_cast<double>(values);
}

}  // namespace

PrunedFiles::PrunedFiles(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
                         const PrunedPaths& paths, resume::Journal& journal)
    : ranks_(ranks), catalogue_(catalogue), journal_(journal), finished_(catalogue.tensors.size()) {
    const checkpoint::PartialFile partial{.resume = journal.attempt() > 1,
                                          .keep = true,
                                          .created = journal.created(),
                                          .storage = paths.storage};
    if (!paths.checkpoint.empty()) {
        checkpoint_.emplace(ranks, catalogue, paths.checkpoint, partial);
    }
    if (!paths.folder.empty()) {
        folder_.emplace(ranks, catalogue, paths.folder, paths.metadata, partial);
    }
    if (paths.storage == checkpoint::Storage::bitmask) {
        order_ = checkpoint::masked_order(catalogue);
    }
}

template <class Use>
void PrunedFiles::for_each_writer(Use use) {
    if (checkpoint_) {
        use(*checkpoint_);
    }
    if (folder_) {
        use(*folder_);
    }
}

bool PrunedFiles::resumed() const {
    return (!checkpoint_ || checkpoint_->resumed()) && (!folder_ || folder_->resumed());
}

void PrunedFiles::take_over_earlier() {
    finished_ = journal_.earlier().tensors;
    for_each_writer([&](auto& writer) { keep_sound(writer, ranks_, catalogue_, finished_); });
    for_each_writer([&](auto& writer) { keep_in_place(writer, finished_); });
}

void PrunedFiles::announce(int tensor, parallel::RowRange rows, std::uint64_t values) {
    for_each_writer([&](auto& writer) { writer.announce(tensor, rows, values); });
}

void PrunedFiles::write_rows(const resume::WrittenRows& rows, std::span<const std::byte> bytes) {
    for_each_writer([&](auto& writer) { writer.write_rows(rows.tensor, rows.rows, bytes); });
    pending_.push_back(rows);
    if (due()) {
        make_durable();
    }
}

/// Syncing waits for the disk: a small share of the time, and at most four times a second.
bool PrunedFiles::due() const {
    constexpr double kSeconds = 0.25;
    constexpr double kCosts = 20;
    return since_.seconds() > std::max(kSeconds, kCosts * cost_);
}

void PrunedFiles::make_durable() {
    if (pending_.empty()) {
        return;
    }
    const support::Stopwatch watch;
    for_each_writer([](auto& writer) { writer.sync_rows(); });
    journal_.add_rows(pending_);
    pending_.clear();
    cost_ = watch.seconds();
    since_.restart();
}

std::optional<pruning::PrunedTensor> PrunedFiles::finished(int tensor) const {
    return finished_[static_cast<std::size_t>(tensor)];
}

void PrunedFiles::keep(int tensor) {
    if (folder_) {
        folder_->keep_rows(tensor,
                           {0, catalogue_.tensors[static_cast<std::size_t>(tensor)].rows()});
    }
}

void PrunedFiles::read_rows(int tensor, parallel::RowRange rows, std::span<std::byte> out) const {
    checkpoint_ ? checkpoint_->read_rows(tensor, rows, out) : folder_->read_rows(tensor, rows, out);
}

void PrunedFiles::save_what_can_be() {
    try {
        make_durable();
    } catch (const support::Error&) {  // the run ends with an earlier one
    }
}

void PrunedFiles::finish(const PrunedModel& pruned, std::span<const pruning::PruneTarget> targets,
                         const SpectrumResults* spectra,
                         std::span<const spectrum::ShapeMetrics> metrics) {
    if (checkpoint_) {
        if (spectra != nullptr) {
            write_measurements(*spectra, metrics);
        }
        std::vector<checkpoint::TensorSummary> summaries;
        for (std::size_t t = 0; t < pruned.tensors.size(); ++t) {
            summaries.push_back({pruned.tensors[t].checksum, pruned.tensors[t].zeros,
                                 ratio_of_tensor(catalogue_, static_cast<int>(t), targets)});
        }
        checkpoint_->finish(summaries);
    }
    if (folder_) {
        folder_->finish();
    }
}

void PrunedFiles::write_measurements(const SpectrumResults& spectra,
                                     std::span<const spectrum::ShapeMetrics> metrics) {
    checkpoint_->write_spectra(spectra.eigenvalues);
    for (std::size_t metric = 0; metric < spectrum::kMetrics; ++metric) {
        std::vector<double> values;
        for (const spectrum::ShapeMetrics& matrix : metrics) {
            values.push_back(matrix.values[metric]);
        }
        if (!std::ranges::all_of(values, [](double value) { return std::isnan(value); })) {
            checkpoint_->write_metric(static_cast<spectrum::Metric>(metric), values);
        }
    }
}

}  // namespace alphaprune::phases
