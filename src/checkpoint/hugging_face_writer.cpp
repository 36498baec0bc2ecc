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
#include "partial_output.hpp"
#include "row_scratch.hpp"

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
          masked(masked_tensors(model.tensors, partial.storage == Storage::bitmask)),
          metadata(std::move(given)),
          places(model.tensors.size()),
          files(plan.shards.size()) {
        metadata.insert(metadata.begin(), {"format", "pt"});  // readers look for it first
        if (has_masks()) {
            lay_out(std::vector<std::uint64_t>(model.tensors.size()));
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
            std::filesystem::remove(scratch_name(folder), ignored);
        }
    }

    bool has_masks() const { return std::ranges::find(masked, true) != masked.end(); }
    bool is_masked(int tensor) const { return masked[static_cast<std::size_t>(tensor)]; }
    void lay_out(std::span<const std::uint64_t> values);
    void place_masked();
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
    std::vector<bool> masked;  ///< of each tensor
    Metadata metadata;
    std::vector<MaskedShard> shards;                  ///< where some are masked
    std::optional<RowScratch> scratch;                ///< for those
    std::vector<std::uint64_t> places;                ///< of each tensor that is not, in its shard
    std::string index;                                ///< of several shards
    std::vector<std::vector<std::byte>> heads;        ///< of each shard
    std::vector<std::uint64_t> sizes;                 ///< of their files, as far as they are known
    std::vector<std::optional<support::File>> files;  ///< of each shard; opened at first use
    std::uint64_t written = 0;                        ///< bytes, by this rank, or kept
    bool resumed = false;
    bool made = false;  ///< on rank 0: the partial folder is ours
    bool finished = false;
};

/// Where everything is in files with masks, or what comes before the values.
void HuggingFaceWriter::State::lay_out(std::span<const std::uint64_t> values) {
    shards.clear();
    heads.clear();
    sizes.clear();
    std::vector<std::vector<std::string>> names;
    std::uint64_t bytes = 0;
    for (const ExportShard& shard : plan.shards) {
        shards.push_back(lay_out_masked(shard, catalogue.tensors, masked, metadata, values));
        const MaskedShard& made = shards.back();
        heads.push_back(made.head);
        sizes.push_back(made.bytes);
        names.push_back(made.names);
        bytes += made.bytes - made.head.size();
        for (const auto& [tensor, place] : made.plain) {
            places[static_cast<std::size_t>(tensor)] = place;
        }
    }
    index = safetensors_index(plan, names, bytes);
}

/// Collective: masked tensors get their places, and their rows.
void HuggingFaceWriter::State::place_masked() {
    const MaskedCounts counts = count_masked(ranks, catalogue.tensors, masked, *scratch);
    lay_out(counts.all);
    parallel::run_on_root(ranks, [&] {
        for (std::size_t s = 0; s < shards.size(); ++s) {
            file_of(s).write_at(0, heads[s]);
            set_size(path_of(s), sizes[s]);
        }
    });
    parallel::run_collectively(ranks, [&] {
        for (std::size_t s = 0; s < shards.size(); ++s) {
            for (const auto& [tensor, place] : shards[s].masked) {
                const auto number = static_cast<std::size_t>(tensor);
                write_masked(ranks, catalogue.tensors[number], tensor, counts.before[number],
                             *scratch, place, file_of(s));
            }
        }
    });
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
        set_size(path, sizes[s]);
    }
    if (has_masks()) {
        RowScratch::make(scratch_name(folder), resumed);
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
    if (!partial.keep) {
        std::error_code ignored;
        std::filesystem::remove(scratch_name(folder), ignored);
    }
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
    if (state_->has_masks()) {
        parallel::run_collectively(ranks, [&] {
            state_->scratch.emplace(catalogue.tensors, state_->masked,
                                    scratch_name(state_->folder));
        });
    }
}

HuggingFaceWriter::HuggingFaceWriter(HuggingFaceWriter&&) noexcept = default;
HuggingFaceWriter::~HuggingFaceWriter() = default;

bool HuggingFaceWriter::resumed() const {
    return state_->resumed;
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
        if (state.is_masked(tensor)) {
            state.scratch->write(tensor, rows, bytes);
        } else {
            state.file_of(state.shard_of(tensor))
                .stream_at(state.place_of(tensor, rows.begin), bytes);
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
        if (state_->is_masked(tensor)) {
            state_->scratch->read(tensor, rows, out);
            return;
        }
        support::File::open_for_reading(state_->path_of(state_->shard_of(tensor)))
            .read_at(state_->place_of(tensor, rows.begin), out);
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
    if (state_->scratch) {
        state_->scratch->sync();
    }
}

void HuggingFaceWriter::finish() {
    State& state = *state_;
    state.require_everything_written();
    if (state.has_masks()) {
        state.place_masked();
    }
    parallel::run_collectively(state.ranks, [&] { sync_rows(); });  // rank 0 has all shards open
    parallel::run_on_root(state.ranks, [&] { state.publish_folder(); });
    state.files.clear();
}

}  // namespace alphaprune::checkpoint
