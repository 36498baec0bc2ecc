#include "alphaprune/checkpoint/checkpoint_writer.hpp"

#include <algorithm>
#include <cassert>
#include <optional>
#include <system_error>
#include <utility>

#include "alphaprune/model/auxiliary_files.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/clock.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/message.hpp"
#include "checkpoint_image.hpp"
#include "checkpoint_layout.hpp"
#include "hdf5_dataset.hpp"
#include "partial_output.hpp"

namespace alphaprune::checkpoint {
namespace {

const support::BadRequest<std::string> kUnusableName{
    "checkpoint.unusable-name", "the tensor name '{}' cannot be a name in an HDF5 file",
    "HDF5 reads '/' and '.' as steps of a path and ends a name at a zero byte",
    "rename the tensor: no '/', no zero byte, neither empty nor '.'"};

/// A name for a message: a zero byte would end the message early.
std::string printable(std::string name) {
    std::ranges::replace(name, '\0', '?');
    return name;
}

void require_usable_names(const model::Catalogue& catalogue) {
    support::FaultList faults;
    for (const model::TensorInfo& tensor : catalogue.tensors) {
        const std::string& name = tensor.name;
        if (name.empty() || name == "." ||
            name.find_first_of(std::string_view("/\0", 2)) != std::string::npos) {
            faults.add(kUnusableName(catalogue.folder.string(), printable(name)));
        }
    }
    faults.throw_if_any();
}

}  // namespace

std::filesystem::path scratch_name(const std::filesystem::path& path) {
    std::filesystem::path rows = path;
    return support::partial_name(rows += ".rows");
}

struct CheckpointWriter::State {
    State(const parallel::Communicator& all, const model::Catalogue& catalogue,
          const std::filesystem::path& path, const PartialFile& treatment)
        : ranks(all.duplicate()),
          final_path(path),
          partial_path(support::partial_name(path)),
          partial(treatment),
          tensors(catalogue.tensors),
          masked(masked_tensors(tensors, partial.storage == Storage::bitmask)) {
        for (const model::MatrixInfo& matrix : catalogue.matrices) {
            matrix_names.push_back(catalogue.name_of(matrix));
        }
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        if (made && !finished && !partial.keep) {
            std::error_code ignored;
            std::filesystem::remove(partial_path, ignored);
            std::filesystem::remove(scratch_name(final_path), ignored);
        }
    }

    void make_image(const model::Catalogue& catalogue);
    void make_file();
    void open_file();
    void place_masked();
    bool has_masks() const { return std::ranges::find(masked, true) != masked.end(); }
    bool is_masked(int tensor) const { return masked[static_cast<std::size_t>(tensor)]; }
    std::uint64_t place_of(int tensor, std::int64_t row) const {
        const auto at = static_cast<std::size_t>(tensor);
        return first_bytes[at] + static_cast<std::uint64_t>(row) * tensors[at].row_bytes();
    }
    std::vector<std::uint64_t> make_room(std::span<const std::int64_t> spectra);

    parallel::Communicator ranks;
    std::filesystem::path final_path;
    std::filesystem::path partial_path;
    PartialFile partial;
    std::vector<model::TensorInfo> tensors;
    std::vector<bool> masked;  ///< of each tensor
    std::vector<std::string> matrix_names;
    std::optional<CheckpointImage> image;    ///< on rank 0
    std::vector<std::uint64_t> first_bytes;  ///< of each tensor, in the file
    std::optional<support::File> row_file;   ///< the partial file
    std::optional<RowScratch> scratch;       ///< where some are masked
    bool resumed = false;
    bool made = false;  ///< on rank 0: the partial file is ours
    bool finished = false;
};

/// Collective: rank 0 lays the file out, and all learn where the rows go.
void CheckpointWriter::State::make_image(const model::Catalogue& catalogue) {
    parallel::run_on_root(ranks, [&] {
        image.emplace(catalogue, model::read_auxiliary_files(catalogue),
                      partial.created.empty() ? support::utc_timestamp() : partial.created,
                      partial_path, masked);
        first_bytes = image->first_bytes();
    });
    first_bytes.resize(tensors.size());
    ranks.broadcast(std::span(first_bytes));
}

/// Collective: the file of an earlier run or a new one, by rank 0, for the system's own words when
/// that cannot be.
void CheckpointWriter::State::make_file() {
    parallel::run_on_root(ranks, [&] {
        resumed = partial.resume && take_over(final_path, is_plain_file);
        if (!resumed) {
            std::error_code ignored;
            std::filesystem::remove(partial_path, ignored);  // of an earlier run that was killed
            support::File::create(partial_path);
        }
        if (has_masks()) {
            RowScratch::make(scratch_name(final_path), resumed);
        }
        made = true;
        set_size(partial_path, image->size());
        if (partial.keep) {
            support::sync_folder(partial_path.parent_path());
        }
    });
    resumed = ranks.any(resumed);
}

/// Collective.
void CheckpointWriter::State::open_file() {
    parallel::require_common_files(ranks, std::span(&partial_path, 1));
    parallel::run_collectively(ranks, [&] {
        row_file = support::File::open_for_writing(partial_path);
        if (has_masks()) {
            scratch.emplace(tensors, masked, scratch_name(final_path));
        }
    });
}

/// Collective: gives masked tensors their places, and their rows.
void CheckpointWriter::State::place_masked() {
    const MaskedCounts counts = count_masked(ranks, tensors, masked, *scratch);
    std::vector<std::uint64_t> places;  // three for each tensor
    parallel::run_on_root(ranks, [&] {
        for (std::size_t t = 0; t < tensors.size(); ++t) {
            const MaskedPlaces at =
                masked[t] ? image->add_masked(t, counts.all[t]) : MaskedPlaces{};
            places.insert(places.end(), {at.mask, at.rows, at.values});
        }
        set_size(partial_path, image->size());
    });
    places.resize(3 * tensors.size());
    ranks.broadcast(std::span(places));
    parallel::run_collectively(ranks, [&] {
        for (std::size_t t = 0; t < tensors.size(); ++t) {
            if (masked[t]) {
                write_masked(ranks, tensors[t], static_cast<int>(t), counts.before[t], *scratch,
                             {places[3 * t], places[3 * t + 1], places[3 * t + 2]}, *row_file);
            }
        }
    });
}

/// Collective: where each spectrum's bytes begin, given how many values it has.
std::vector<std::uint64_t> CheckpointWriter::State::make_room(
    std::span<const std::int64_t> spectra) {
    std::vector<std::uint64_t> places(spectra.size());
    parallel::run_on_root(ranks, [&] {
        for (std::size_t m = 0; m < spectra.size(); ++m) {
            if (spectra[m] > 0) {
                places[m] =
                    image->add_spectrum(matrix_names[m], static_cast<std::size_t>(spectra[m]));
            }
        }
    });
    ranks.broadcast(std::span(places));
    return places;
}

CheckpointWriter::CheckpointWriter(const parallel::Communicator& ranks,
                                   const model::Catalogue& catalogue,
                                   const std::filesystem::path& path, const PartialFile& partial)
    : state_(std::make_unique<State>(ranks, catalogue, path, partial)) {
    parallel::run_collectively(ranks, [&] { require_usable_names(catalogue); });
    state_->make_image(catalogue);
    state_->make_file();
    state_->open_file();
}

CheckpointWriter::CheckpointWriter(CheckpointWriter&&) noexcept = default;
CheckpointWriter::~CheckpointWriter() = default;

bool CheckpointWriter::resumed() const {
    return state_->resumed;
}

void CheckpointWriter::write_rows(int tensor, parallel::RowRange rows,
                                  std::span<const std::byte> bytes) {
    const model::TensorInfo& info = tensor_with_rows(state_->tensors, tensor, rows, bytes.size());
    if (bytes.empty()) {
        return;
    }
    try {
        if (state_->is_masked(tensor)) {
            state_->scratch->write(tensor, rows, bytes);
            return;
        }
        state_->row_file->stream_at(state_->place_of(tensor, rows.begin), bytes);
    } catch (const support::Error& error) {
        throw naming(error, describe("writing", rows), object_name(kTensorGroup, info.name));
    }
}

void CheckpointWriter::read_rows(int tensor, parallel::RowRange rows,
                                 std::span<std::byte> out) const {
    const model::TensorInfo& info = tensor_with_rows(state_->tensors, tensor, rows, out.size());
    try {
        if (state_->is_masked(tensor)) {
            state_->scratch->read(tensor, rows, out);
            return;
        }
        support::File::open_for_reading(state_->partial_path)
            .read_at(state_->place_of(tensor, rows.begin), out);
    } catch (const support::Error& error) {
        throw naming(error, describe("reading", rows), object_name(kTensorGroup, info.name));
    }
}

void CheckpointWriter::sync_rows() {
    state_->row_file->sync();
    if (state_->scratch) {
        state_->scratch->sync();
    }
}

void CheckpointWriter::write_spectra(const std::vector<std::vector<double>>& eigenvalues) {
    State& state = *state_;
    assert(eigenvalues.size() == state.matrix_names.size());
    std::vector<std::int64_t> sizes;
    for (const std::vector<double>& values : eigenvalues) {
        sizes.push_back(static_cast<std::int64_t>(values.size()));
    }
    state.ranks.all_reduce_max(std::span(sizes));
    const std::vector<std::uint64_t> places = state.make_room(sizes);
    parallel::run_collectively(state.ranks, [&] {
        for (std::size_t m = 0; m < eigenvalues.size(); ++m) {
            try {
                state.row_file->write_at(places[m], std::as_bytes(std::span(eigenvalues[m])));
            } catch (const support::Error& error) {
                throw naming(error, "writing the spectrum",
                             object_name(kSpectrumGroup, state.matrix_names[m]));
            }
        }
    });
}

void CheckpointWriter::write_metric(spectrum::Metric metric, std::span<const double> values) {
    assert(values.size() == state_->matrix_names.size());
    parallel::run_on_root(state_->ranks, [&] {
        state_->image->add_metric(std::string(spectrum::name_of(metric)), values);
    });
}

void CheckpointWriter::finish(std::span<const TensorSummary> summaries) {
    State& state = *state_;
    if (state.has_masks()) {
        state.place_masked();
    }
    parallel::run_collectively(state.ranks, [&] { state.row_file->sync(); });
    parallel::run_on_root(state.ranks, [&] {
        state.image->complete(summaries);
        set_size(state.partial_path, state.image->size());
        state.image->copy_to(*state.row_file);
        state.row_file->sync();
        support::publish(state.final_path);
        state.finished = true;
        if (!state.partial.keep) {
            std::error_code ignored;
            std::filesystem::remove(scratch_name(state.final_path), ignored);
        }
    });
    state.row_file.reset();
}

}  // namespace alphaprune::checkpoint
