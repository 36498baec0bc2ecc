#include "alphaprune/checkpoint/hugging_face_writer.hpp"

#include <fmt/format.h>

#include <cassert>
#include <optional>
#include <system_error>

#include "alphaprune/model/auxiliary_files.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/message.hpp"
#include "export_folder.hpp"
#include "export_shards.hpp"
#include "plain_files.hpp"

namespace alphaprune::checkpoint {
namespace {

const support::Failure<std::uint64_t, std::uint64_t> kRowsMissing{
    "checkpoint.rows-missing", "{} of the model's {} bytes were written",
    "a rank has not written rows that it should have", "this is a defect: please report it"};

using Metadata = std::vector<std::pair<std::string, std::string>>;

/// Readers look for the "format" before they look at anything else.
Metadata with_format(Metadata metadata) {
    metadata.insert(metadata.begin(), {"format", "pt"});
    return metadata;
}

/// The same error, with the tensor that was being written or read.
support::Error naming_tensor(const support::Error& error, const std::string& tensor) {
    std::vector<support::Fault> faults = error.faults();
    for (support::Fault& fault : faults) {
        fault.where = fmt::format("tensor {} in {}", tensor, fault.where);
    }
    return {support::ExitStatus::failed, std::move(faults)};
}

}  // namespace

struct HuggingFaceWriter::State {
    State(const parallel::Communicator& all, const model::Catalogue& model,
          const std::filesystem::path& place, Metadata metadata, const PartialFile& treatment,
          std::uint64_t shard_bytes)
        : ranks(all.duplicate()),
          catalogue(model),
          folder(without_last_slash(place)),
          partial(treatment),
          plan(plan_export_shards(model.tensors, shard_bytes)),
          files(plan.shards.size()) {
        metadata = with_format(std::move(metadata));
        for (const ExportShard& shard : plan.shards) {
            heads.push_back(safetensors_head(plan, shard, model.tensors, metadata));
        }
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

    void make_folder();
    void make_files();
    std::vector<std::filesystem::path> shard_paths() const;
    support::File& file_of(std::size_t shard);
    std::uint64_t place_of(std::size_t tensor, std::int64_t row) const;
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
    std::vector<std::vector<std::byte>> heads;        ///< of each shard
    std::vector<std::optional<support::File>> files;  ///< of each shard; opened at first use
    std::uint64_t written = 0;                        ///< bytes, by this rank, or kept
    bool resumed = false;
    bool made = false;  ///< on rank 0: the partial folder is ours
    bool finished = false;
};

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
        set_size(path, heads[s].size() + plan.shards[s].bytes);
    }
    if (partial.keep) {
        sync_names(support::partial_name(folder));
        sync_names(folder.parent_path());
    }
}

std::vector<std::filesystem::path> HuggingFaceWriter::State::shard_paths() const {
    std::vector<std::filesystem::path> paths;
    for (std::size_t s = 0; s < heads.size(); ++s) {
        paths.push_back(path_of(s));
    }
    return paths;
}

support::File& HuggingFaceWriter::State::file_of(std::size_t shard) {
    if (!files[shard]) {
        files[shard] = support::File::open_for_writing(path_of(shard));
    }
    return *files[shard];
}

/// First byte of a row in its shard.
std::uint64_t HuggingFaceWriter::State::place_of(std::size_t tensor, std::int64_t row) const {
    const TensorPlace& place = plan.places[tensor];
    return heads[static_cast<std::size_t>(place.shard)].size() + place.offset +
           static_cast<std::uint64_t>(row) * catalogue.tensors[tensor].row_bytes();
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
    write_small_files(support::partial_name(folder), catalogue, plan);
    support::publish(folder);
    finished = true;
}

HuggingFaceWriter::HuggingFaceWriter(const parallel::Communicator& ranks,
                                     const model::Catalogue& catalogue,
                                     const std::filesystem::path& folder, Metadata metadata,
                                     const PartialFile& partial, std::uint64_t shard_bytes)
    : state_(std::make_unique<State>(ranks, catalogue, folder, std::move(metadata), partial,
                                     shard_bytes)) {
    parallel::run_collectively(ranks, [&] {
        if (ranks.is_root()) {
            model::read_auxiliary_files(
                catalogue);  // those that cannot be read are refused before the work
            state_->make_folder();
            state_->make_files();
        }
    });
    state_->resumed = ranks.any(state_->resumed);
    parallel::require_common_files(ranks, state_->shard_paths());
}

HuggingFaceWriter::HuggingFaceWriter(HuggingFaceWriter&&) noexcept = default;
HuggingFaceWriter::~HuggingFaceWriter() = default;

bool HuggingFaceWriter::resumed() const {
    return state_->resumed;
}

void HuggingFaceWriter::write_rows(int tensor, parallel::RowRange rows,
                                   std::span<const std::byte> bytes) {
    State& state = *state_;
    const auto at = static_cast<std::size_t>(tensor);
    const model::TensorInfo& info = state.catalogue.tensors.at(at);
    assert(rows.begin >= 0 && rows.begin <= rows.end && rows.end <= info.rows());
    assert(bytes.size() == static_cast<std::uint64_t>(rows.size()) * info.row_bytes());
    if (bytes.empty()) {
        return;
    }
    const auto shard = static_cast<std::size_t>(state.plan.places[at].shard);
    try {
        state.file_of(shard).stream_at(state.place_of(at, rows.begin), bytes);
    } catch (const support::Error& error) {
        throw naming_tensor(error, info.name);
    }
    state.written += bytes.size();
}

void HuggingFaceWriter::read_rows(int tensor, parallel::RowRange rows,
                                  std::span<std::byte> out) const {
    const auto at = static_cast<std::size_t>(tensor);
    const model::TensorInfo& info = state_->catalogue.tensors.at(at);
    assert(rows.begin >= 0 && rows.begin <= rows.end && rows.end <= info.rows());
    assert(out.size() == static_cast<std::uint64_t>(rows.size()) * info.row_bytes());
    try {
        support::File::open_for_reading(
            state_->path_of(static_cast<std::size_t>(state_->plan.places[at].shard)))
            .read_at(state_->place_of(at, rows.begin), out);
    } catch (const support::Error& error) {
        throw naming_tensor(error, info.name);
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
    parallel::run_collectively(state.ranks, [&] { sync_rows(); });  // rank 0 has all shards open
    parallel::run_collectively(state.ranks, [&] {
        if (state.ranks.is_root()) {
            state.publish_folder();
        }
    });
    state.files.clear();
}

}  // namespace alphaprune::checkpoint
