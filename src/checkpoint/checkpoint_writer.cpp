#include "alphaprune/checkpoint/checkpoint_writer.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
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
#include "masked_rows.hpp"
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

struct CheckpointWriter::State {
    State(const parallel::Communicator& all, const model::Catalogue& model,
          const std::filesystem::path& path, const PartialFile& treatment)
        : ranks(all.duplicate()),
          catalogue(model),
          final_path(path),
          partial_path(support::partial_name(path)),
          partial(treatment),
          tensors(catalogue.tensors),
          order(partial.storage == Storage::bitmask ? masked_order(catalogue) : std::vector<int>{}),
          masked(tensors.size()),
          is_masked(tensors.size()) {
        for (const int t : order) {
            is_masked[static_cast<std::size_t>(t)] = true;
        }
        if (partial.created.empty()) {
            partial.created = support::utc_timestamp();
        }
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
        }
    }

    void make_image();
    void make_file();
    void open_file();
    void find_values();
    void keep(const std::vector<bool>& wanted);
    void share_places();
    bool has_masks() const { return !order.empty(); }
    MaskedTensor& masked_at(int tensor) { return masked[static_cast<std::size_t>(tensor)]; }
    std::uint64_t place_of(int tensor, std::int64_t row) const {
        const auto at = static_cast<std::size_t>(tensor);
        return first_bytes[at] + static_cast<std::uint64_t>(row) * tensors[at].row_bytes();
    }
    std::vector<std::uint64_t> make_room(std::span<const std::int64_t> spectra);

    parallel::Communicator ranks;
    const model::Catalogue& catalogue;
    std::filesystem::path final_path;
    std::filesystem::path partial_path;
    PartialFile partial;
    std::vector<model::TensorInfo> tensors;
    std::vector<int> order;            ///< of masked tensors
    std::vector<MaskedTensor> masked;  ///< of each tensor, of use where it is masked
    std::vector<bool> is_masked;
    MaskedRowWriter masked_writer;
    std::vector<std::string> matrix_names;
    std::optional<CheckpointImage> image;    ///< on rank 0
    std::vector<std::uint64_t> first_bytes;  ///< of each tensor, in the file
    std::optional<support::File> row_file;   ///< the partial file
    bool resumed = false;
    bool is_settled = true;  ///< it is known which masked tensors of an earlier run stay
    bool made = false;       ///< on rank 0: the partial file is ours
    bool finished = false;
};

/// On rank 0: lays the file out, without values of masked tensors.
void CheckpointWriter::State::make_image() {
    image.emplace(catalogue, model::read_auxiliary_files(catalogue), partial.created, partial_path,
                  is_masked);
    first_bytes = image->first_bytes();
    for (std::size_t t = 0; t < masked.size(); ++t) {
        masked[t].places = image->masked_places()[t];
        masked[t].placed = false;
    }
}

/// Collective: all learn where the rows go.
void CheckpointWriter::State::share_places() {
    first_bytes.resize(tensors.size());
    ranks.broadcast(std::span(first_bytes));
    std::vector<std::uint64_t> wire;
    for (const int t : order) {
        const MaskedTensor& one = masked_at(t);
        wire.insert(wire.end(), {one.places.mask, one.places.rows, one.places.values, one.values,
                                 one.placed ? 1U : 0U});
    }
    ranks.broadcast(std::span(wire));
    for (std::size_t i = 0; i < order.size(); ++i) {
        const std::span<const std::uint64_t> one = std::span(wire).subspan(5 * i, 5);
        masked_at(order[i]) = {{one[0], one[1], one[2]}, one[4] != 0, one[3]};
    }
}

/// On rank 0: as far as tensors of an earlier run may be in its file, gives values a place. Whether
/// they are, reading them shows.
void CheckpointWriter::State::find_values() {
    const support::File file = support::File::open_for_reading(partial_path);
    for (const int t : order) {
        MaskedTensor& one = masked_at(t);
        const auto number = static_cast<std::size_t>(t);
        const auto values = values_in_file(tensors[number], one.places, file);
        if (!values) {
            return;
        }
        one.values = *values;
        one.places.values = image->add_values(number, *values);
        one.placed = true;
    }
}

/// Collective: no masked tensors stay but the first of those that are wanted.
void CheckpointWriter::State::keep(const std::vector<bool>& wanted) {
    parallel::run_on_root(ranks, [&] {
        const std::vector<MaskedTensor> found = masked;
        make_image();
        for (const int t : order) {
            const auto number = static_cast<std::size_t>(t);
            if (!wanted[number] || !found[number].placed) {
                return;
            }
            masked[number] = found[number];
            masked[number].places.values = image->add_values(number, found[number].values);
        }
    });
    share_places();
    is_settled = true;
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
        made = true;
        if (resumed && has_masks()) {
            extend_to(partial_path, image->size());
            find_values();
        } else {
            set_size(partial_path, image->size());
        }
        if (partial.keep) {
            support::sync_folder(partial_path.parent_path());
        }
    });
    resumed = ranks.any(resumed);
    is_settled = !(resumed && has_masks());
}

/// Collective.
void CheckpointWriter::State::open_file() {
    parallel::require_common_files(ranks, std::span(&partial_path, 1));
    parallel::run_collectively(ranks,
                               [&] { row_file = support::File::open_for_writing(partial_path); });
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
    parallel::run_on_root(ranks, [&] { state_->make_image(); });
    state_->make_file();
    state_->share_places();
    state_->open_file();
}

CheckpointWriter::CheckpointWriter(CheckpointWriter&&) noexcept = default;
CheckpointWriter::~CheckpointWriter() = default;

bool CheckpointWriter::resumed() const {
    return state_->resumed;
}

std::vector<bool> CheckpointWriter::keep(std::vector<bool> wanted) {
    State& state = *state_;
    if (!state.is_settled) {
        state.keep(wanted);
    }
    for (const int t : state.order) {
        wanted[static_cast<std::size_t>(t)] = state.masked_at(t).placed;
    }
    return wanted;
}

void CheckpointWriter::announce(int tensor, parallel::RowRange rows, std::uint64_t values) {
    State& state = *state_;
    const auto number = static_cast<std::size_t>(tensor);
    if (!state.is_masked[number]) {
        return;
    }
    if (!state.is_settled) {
        state.keep(std::vector<bool>(state.tensors.size()));
    }
    MaskedTensor& masked = state.masked[number];
    count_masked(state.ranks, state.tensors[number], rows, values, masked);
    constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t place = kNone;  // in one message, since it is asked for each tensor
    support::FirstError problem;
    if (state.ranks.is_root()) {
        problem.guard([&] { place = state.image->add_values(number, masked.values); });
    }
    state.ranks.broadcast(std::span(&place, 1));
    if (place == kNone) {
        parallel::agree(state.ranks, problem.get());
    }
    masked.places.values = place;
    masked.placed = true;
}

void CheckpointWriter::write_rows(int tensor, parallel::RowRange rows,
                                  std::span<const std::byte> bytes) {
    const model::TensorInfo& info = tensor_with_rows(state_->tensors, tensor, rows, bytes.size());
    if (bytes.empty()) {
        return;
    }
    try {
        if (state_->is_masked[static_cast<std::size_t>(tensor)]) {
            state_->masked_writer.write(info, rows, bytes, state_->masked_at(tensor),
                                        *state_->row_file);
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
        const support::File file = support::File::open_for_reading(state_->partial_path);
        if (state_->is_masked[static_cast<std::size_t>(tensor)]) {
            read_masked(info, rows, state_->masked_at(tensor), file, out);
        } else {
            file.read_at(state_->place_of(tensor, rows.begin), out);
        }
    } catch (const support::Error& error) {
        throw naming(error, describe("reading", rows), object_name(kTensorGroup, info.name));
    }
}

void CheckpointWriter::sync_rows() {
    state_->row_file->sync();
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
    assert(std::ranges::all_of(state.order, [&](int t) { return state.masked_at(t).placed; }));
    parallel::run_collectively(state.ranks, [&] { state.row_file->sync(); });
    parallel::run_on_root(state.ranks, [&] {
        state.image->complete(summaries);
        set_size(state.partial_path, state.image->size());
        state.image->copy_to(*state.row_file);
        state.row_file->sync();
        support::publish(state.final_path);
        state.finished = true;
    });
    state.row_file.reset();
}

}  // namespace alphaprune::checkpoint
