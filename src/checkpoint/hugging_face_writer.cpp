#include "alphaprune/checkpoint/hugging_face_writer.hpp"

#include <algorithm>
#include <optional>
#include <system_error>

#include "alphaprune/model/auxiliary_files.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/message.hpp"
#include "export_folder.hpp"
#include "masked_export.hpp"
#include "masked_rows.hpp"
#include "partial_output.hpp"

namespace alphaprune::checkpoint {
namespace {

const support::Failure<std::uint64_t, std::uint64_t> kRowsMissing{
    "checkpoint.rows-missing", "{} of the model's {} bytes were written",
    "a rank has not written rows that it should have", "this is a defect: please report it"};

using Metadata = std::vector<std::pair<std::string, std::string>>;

}  // namespace

struct HuggingFaceWriter::State {
    State(const parallel::Communicator& all, const model::Catalogue& model,
          const std::filesystem::path& place, Metadata given, const PartialFile& treatment,
          std::uint64_t shard_bytes)
        : ranks(all.duplicate()),
          catalogue(model),
          folder(without_last_slash(place)),
          partial(treatment),
          plan(plan_export_shards(model.tensors, shard_bytes)),
          order(partial.storage == Storage::bitmask ? masked_order(model) : std::vector<int>{}),
          masked(model.tensors.size()),
          is_masked(model.tensors.size()),
          metadata(std::move(given)),
          places(model.tensors.size()),
          files(plan.shards.size()) {
        metadata.insert(metadata.begin(), {"format", "pt"});  // readers look for it first
        for (const int t : order) {
            is_masked[static_cast<std::size_t>(t)] = true;
        }
        if (has_masks()) {
            lay_out();
            return;
        }
        for (const ExportShard& shard : plan.shards) {
            heads.push_back(safetensors_head(plan, shard, model.tensors, metadata));
            sizes.push_back(heads.back().size() + shard.bytes);
        }
        for (std::size_t t = 0; t < places.size(); ++t) {
            places[t] = heads[shard_of(static_cast<int>(t))].size() + plan.places[t].offset;
        }
        index = safetensors_index(plan, model.tensors);
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        files.clear();
        if (made && !finished && !partial.keep) {
            std::error_code ignored;
            std::filesystem::remove_all(support::partial_name(folder), ignored);
        }
    }

    bool has_masks() const { return !order.empty(); }
    MaskedTensor& masked_at(int tensor) { return masked[static_cast<std::size_t>(tensor)]; }
    void lay_out();
    void place(int tensor);
    void forget_values();
    void find_values();
    void keep(const std::vector<bool>& wanted);
    void write_heads();
    void make_folder();
    void make_files();
    support::File& file_of(std::size_t shard);
    std::size_t shard_of(int tensor) const {
        return static_cast<std::size_t>(plan.places[static_cast<std::size_t>(tensor)].shard);
    }
    std::uint64_t place_of(int tensor, std::int64_t row) const;
    void require_everything_written() const;
    void publish_folder();

    std::filesystem::path path_of(std::size_t shard) const {
        return support::partial_name(folder) / plan.shards[shard].file;
    }

    parallel::Communicator ranks;
    const model::Catalogue& catalogue;
    std::filesystem::path folder;
    PartialFile partial;
    ExportShards plan;
    std::vector<int> order;            ///< of masked tensors
    std::vector<MaskedTensor> masked;  ///< of each tensor, of use where it is masked
    std::vector<bool> is_masked;
    MaskedRowWriter masked_writer;
    Metadata metadata;
    std::vector<std::uint64_t> ends;                  ///< of each shard, of values with a place
    std::vector<std::uint64_t> places;                ///< of each tensor that is not, in its shard
    std::string index;                                ///< of several shards
    std::vector<std::vector<std::byte>> heads;        ///< of each shard
    std::vector<std::uint64_t> sizes;                 ///< of their files, as far as they are known
    std::vector<std::optional<support::File>> files;  ///< of each shard; opened at first use
    std::uint64_t written = 0;                        ///< bytes, by this rank, or kept
    bool resumed = false;
    bool is_settled = true;  ///< it is known which masked tensors of an earlier run stay
    bool made = false;       ///< on rank 0: the partial folder is ours
    bool finished = false;
};

/// Where everything is in files with masks. Where values are not counted yet it is as if none were
/// zero: then a file that is not finished is one of safetensors, too, as long as it can become.
void HuggingFaceWriter::State::lay_out() {
    heads.clear();
    sizes.clear();
    ends.clear();
    std::vector<std::uint64_t> values(masked.size());
    for (const int t : order) {
        const auto number = static_cast<std::size_t>(t);
        values[number] = masked[number].placed
                             ? masked[number].values
                             : static_cast<std::uint64_t>(catalogue.tensors[number].values());
    }
    std::vector<std::vector<std::string>> names;
    std::uint64_t bytes = 0;
    for (const ExportShard& shard : plan.shards) {
        const MaskedShard made = lay_out_masked(shard, catalogue.tensors, order, metadata, values);
        heads.push_back(made.head);
        sizes.push_back(made.bytes);
        ends.push_back(made.known_bytes);
        names.push_back(made.names);
        bytes += made.bytes - made.head.size();
        for (const auto& [tensor, place] : made.plain) {
            places[static_cast<std::size_t>(tensor)] = place;
        }
        for (const auto& [tensor, place] : made.masked) {
            masked_at(tensor).places = place;
        }
    }
    index = safetensors_index(plan, names, bytes);
}

/// Values of a tensor that are counted begin where those before them in the shard end.
void HuggingFaceWriter::State::place(int tensor) {
    MaskedTensor& one = masked_at(tensor);
    std::uint64_t& end = ends[shard_of(tensor)];
    one.places.values = end;
    one.placed = true;
    end += one.values *
           support::size_of(catalogue.tensors[static_cast<std::size_t>(tensor)].scalar_type());
}

void HuggingFaceWriter::State::forget_values() {
    for (MaskedTensor& one : masked) {
        one.placed = false;
    }
    lay_out();
}

/// Collective: as far as tensors of an earlier run may be in its files, gives values a place.
/// Whether they are, reading them shows.
void HuggingFaceWriter::State::find_values() {
    std::vector<std::int64_t> counts(order.size(), -1);
    parallel::run_on_root(ranks, [&] {
        for (std::size_t i = 0; i < order.size(); ++i) {
            MaskedTensor& one = masked_at(order[i]);
            one.places.values = ends[shard_of(order[i])];
            const auto values =
                values_in_file(catalogue.tensors[static_cast<std::size_t>(order[i])], one.places,
                               support::File::open_for_reading(path_of(shard_of(order[i]))));
            if (!values) {
                break;
            }
            counts[i] = static_cast<std::int64_t>(*values);
            one.values = *values;
            place(order[i]);
        }
    });
    ranks.broadcast(std::span(counts));
    forget_values();
    for (std::size_t i = 0; i < order.size() && counts[i] >= 0; ++i) {
        masked_at(order[i]).values = static_cast<std::uint64_t>(counts[i]);
        place(order[i]);
    }
    is_settled = false;
}

/// No masked tensors stay but the first of those that are wanted.
void HuggingFaceWriter::State::keep(const std::vector<bool>& wanted) {
    const std::vector<MaskedTensor> found = masked;
    forget_values();
    for (const int t : order) {
        const auto number = static_cast<std::size_t>(t);
        if (!wanted[number] || !found[number].placed) {
            break;
        }
        masked[number].values = found[number].values;
        place(t);
    }
    is_settled = true;
}

/// On rank 0, when all values are counted.
void HuggingFaceWriter::State::write_heads() {
    lay_out();
    for (std::size_t s = 0; s < heads.size(); ++s) {
        file_of(s).write_at(0, heads[s]);
        set_size(path_of(s), sizes[s]);
    }
}

/// On rank 0: the partial folder, that of an earlier run or a new one.
void HuggingFaceWriter::State::make_folder() {
    resumed = partial.resume && take_over_folder(folder, catalogue, plan);
    require_free(folder);
    if (!resumed) {
        make_empty(support::partial_name(folder));
    }
    made = true;
}

/// On rank 0: each shard, with its head and at its full size.
void HuggingFaceWriter::State::make_files() {
    for (std::size_t s = 0; s < heads.size(); ++s) {
        const std::filesystem::path path = path_of(s);
        files[s] = resumed ? support::File::open_for_writing(path) : support::File::create(path);
        files[s]->write_at(0, heads[s]);
        resumed&& has_masks() ? extend_to(path, sizes[s]) : set_size(path, sizes[s]);
    }
    if (partial.keep) {
        support::sync_folder(support::partial_name(folder));
        support::sync_folder(folder.parent_path());
    }
}

support::File& HuggingFaceWriter::State::file_of(std::size_t shard) {
    if (!files[shard]) {
        files[shard] = support::File::open_for_writing(path_of(shard));
    }
    return *files[shard];
}

/// First byte of a row in its shard.
std::uint64_t HuggingFaceWriter::State::place_of(int tensor, std::int64_t row) const {
    const auto at = static_cast<std::size_t>(tensor);
    return places[at] + static_cast<std::uint64_t>(row) * catalogue.tensors[at].row_bytes();
}

/// Collective. A tensor forgotten would leave a hole full of zeros that no reader notices.
void HuggingFaceWriter::State::require_everything_written() const {
    const std::uint64_t total = ranks.sum(written);
    parallel::run_collectively(ranks, [&] {
        if (total != catalogue.bytes()) {
            throw kRowsMissing(folder.string(), total, catalogue.bytes());
        }
    });
}

/// On rank 0.
void HuggingFaceWriter::State::publish_folder() {
    write_small_files(support::partial_name(folder), catalogue, plan, index);
    support::publish(folder);
    finished = true;
}

HuggingFaceWriter::HuggingFaceWriter(const parallel::Communicator& ranks,
                                     const model::Catalogue& catalogue,
                                     const std::filesystem::path& folder, Metadata metadata,
                                     const PartialFile& partial, std::uint64_t shard_bytes)
    : state_(std::make_unique<State>(ranks, catalogue, folder, std::move(metadata), partial,
                                     shard_bytes)) {
    parallel::run_on_root(ranks, [&] {
        model::read_auxiliary_files(
            catalogue);  // those that cannot be read are refused before the work
        state_->make_folder();
        state_->make_files();
    });
    state_->resumed = ranks.any(state_->resumed);
    std::vector<std::filesystem::path> shards;
    for (std::size_t s = 0; s < state_->files.size(); ++s) {
        shards.push_back(state_->path_of(s));
    }
    parallel::require_common_files(ranks, shards);
    if (state_->resumed && state_->has_masks()) {
        state_->find_values();
    }
}

HuggingFaceWriter::HuggingFaceWriter(HuggingFaceWriter&&) noexcept = default;
HuggingFaceWriter::~HuggingFaceWriter() = default;

bool HuggingFaceWriter::resumed() const {
    return state_->resumed;
}

std::vector<bool> HuggingFaceWriter::keep(std::vector<bool> wanted) {
    State& state = *state_;
    if (!state.is_settled) {
        state.keep(wanted);
    }
    for (const int t : state.order) {
        wanted[static_cast<std::size_t>(t)] = state.masked_at(t).placed;
    }
    return wanted;
}

void HuggingFaceWriter::announce(int tensor, parallel::RowRange rows, std::uint64_t values) {
    State& state = *state_;
    const auto number = static_cast<std::size_t>(tensor);
    if (!state.is_masked[number]) {
        return;
    }
    if (!state.is_settled) {
        state.keep(std::vector<bool>(state.masked.size()));
    }
    count_masked(state.ranks, state.catalogue.tensors[number], rows, values, state.masked[number]);
    state.place(tensor);
}

void HuggingFaceWriter::write_rows(int tensor, parallel::RowRange rows,
                                   std::span<const std::byte> bytes) {
    State& state = *state_;
    const model::TensorInfo& info =
        tensor_with_rows(state.catalogue.tensors, tensor, rows, bytes.size());
    if (bytes.empty()) {
        return;
    }
    try {
        support::File& file = state.file_of(state.shard_of(tensor));
        if (state.is_masked[static_cast<std::size_t>(tensor)]) {
            state.masked_writer.write(info, rows, bytes, state.masked_at(tensor), file);
        } else {
            file.stream_at(state.place_of(tensor, rows.begin), bytes);
        }
    } catch (const support::Error& error) {
        throw naming(error, describe("writing", rows), "tensor " + info.name);
    }
    state.written += bytes.size();
}

void HuggingFaceWriter::read_rows(int tensor, parallel::RowRange rows,
                                  std::span<std::byte> out) const {
    const model::TensorInfo& info =
        tensor_with_rows(state_->catalogue.tensors, tensor, rows, out.size());
    try {
        const auto file =
            support::File::open_for_reading(state_->path_of(state_->shard_of(tensor)));
        if (state_->is_masked[static_cast<std::size_t>(tensor)]) {
            read_masked(info, rows, state_->masked_at(tensor), file, out);
        } else {
            file.read_at(state_->place_of(tensor, rows.begin), out);
        }
    } catch (const support::Error& error) {
        throw naming(error, describe("reading", rows), "tensor " + info.name);
    }
}

void HuggingFaceWriter::keep_rows(int tensor, parallel::RowRange rows) {
    state_->written += static_cast<std::uint64_t>(rows.size()) *
                       state_->catalogue.tensors.at(static_cast<std::size_t>(tensor)).row_bytes();
}

void HuggingFaceWriter::sync_rows() {
    for (std::optional<support::File>& file : state_->files) {
        if (file) {
            file->sync();
        }
    }
}

void HuggingFaceWriter::finish() {
    State& state = *state_;
    state.require_everything_written();
    if (state.has_masks()) {
        parallel::run_on_root(state.ranks, [&] { state.write_heads(); });
    }
    parallel::run_collectively(state.ranks, [&] { sync_rows(); });  // rank 0 has all shards open
    parallel::run_on_root(state.ranks, [&] { state.publish_folder(); });
    state.files.clear();
}

}  // namespace alphaprune::checkpoint
