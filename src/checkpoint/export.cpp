#include "alphaprune/checkpoint/export.hpp"

#include <fmt/format.h>

#include <cassert>
#include <optional>
#include <system_error>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/file.hpp"
#include "export_folder.hpp"
#include "shard_plan.hpp"

namespace alphaprune {
namespace {

using Metadata = std::vector<std::pair<std::string, std::string>>;

/// Readers look for the "format" before they look at anything else.
Metadata with_format(Metadata metadata) {
    metadata.insert(metadata.begin(), {"format", "pt"});
    return metadata;
}

/// The same error, with the tensor that was being written.
Error naming_tensor(const Error& error, const std::string& tensor) {
    std::vector<Fault> faults = error.faults();
    for (Fault& fault : faults) {
        fault.where = fmt::format("tensor {} in {}", tensor, fault.where);
    }
    return {error.status(), std::move(faults)};
}

}  // namespace

struct HuggingFaceWriter::State {
    State(const Communicator& all, const Catalogue& model, const std::filesystem::path& place,
          Metadata metadata, std::uint64_t shard_bytes)
        : ranks(all.duplicate()),
          catalogue(model),
          folder(without_last_slash(place)),
          plan(plan_shards(model.tensors, shard_bytes)),
          files(plan.shards.size()) {
        metadata = with_format(std::move(metadata));
        for (const PlannedShard& shard : plan.shards) {
            heads.push_back(safetensors_head(plan, shard, model.tensors, metadata));
        }
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        files.clear();
        if (made && !finished) {
            std::error_code ignored;
            std::filesystem::remove_all(partial_name(folder), ignored);
        }
    }

    void make_files();
    void look_for_files() const;
    File& file_of(std::size_t shard);
    void require_everything_written() const;
    void publish_folder();

    std::filesystem::path path_of(std::size_t shard) const {
        return partial_name(folder) / plan.shards[shard].file;
    }

    Communicator ranks;
    const Catalogue& catalogue;
    std::filesystem::path folder;
    ShardPlan plan;
    std::vector<std::vector<std::byte>> heads;  ///< of each shard
    std::vector<std::optional<File>> files;     ///< of each shard; opened at first use
    std::uint64_t written = 0;                  ///< bytes, by this rank
    bool made = false;                          ///< on rank 0: the partial folder is ours
    bool finished = false;
};

/// On rank 0: the partial folder, and each shard with its head.
void HuggingFaceWriter::State::make_files() {
    require_free(folder);
    make_empty(partial_name(folder));
    made = true;
    for (std::size_t s = 0; s < heads.size(); ++s) {
        files[s] = File::create(path_of(s));
        files[s]->write(heads[s]);
    }
}

/// On nodes that do not share the folder every rank would write a file of its own.
void HuggingFaceWriter::State::look_for_files() const {
    for (std::size_t s = 0; s < heads.size(); ++s) {
        std::error_code problem;
        if (!std::filesystem::exists(path_of(s), problem)) {
            throw failure("this rank does not see the file that rank 0 has just made",
                          path_of(s).string(),
                          "choose an --output on a file system that all nodes share");
        }
    }
}

File& HuggingFaceWriter::State::file_of(std::size_t shard) {
    if (!files[shard]) {
        files[shard] = File::open_for_writing(path_of(shard));
    }
    return *files[shard];
}

/// Collective. A tensor forgotten would leave a hole full of zeros that no reader notices.
void HuggingFaceWriter::State::require_everything_written() const {
    const std::uint64_t total = ranks.sum(written);
    together(ranks, [&] {
        if (total != catalogue.bytes()) {
            throw failure(
                fmt::format("{} of the model's {} bytes were written", total, catalogue.bytes()),
                folder.string(), "this is an error of the program: please report it");
        }
    });
}

/// On rank 0.
void HuggingFaceWriter::State::publish_folder() {
    write_small_files(partial_name(folder), catalogue, plan);
    publish(folder);
    finished = true;
}

HuggingFaceWriter::HuggingFaceWriter(const Communicator& ranks, const Catalogue& catalogue,
                                     const std::filesystem::path& folder, Metadata metadata,
                                     std::uint64_t shard_bytes)
    : state_(std::make_unique<State>(ranks, catalogue, folder, std::move(metadata), shard_bytes)) {
    together(ranks, [&] {
        if (ranks.is_root()) {
            state_->make_files();
        }
    });
    together(ranks, [&] { state_->look_for_files(); });
}

HuggingFaceWriter::HuggingFaceWriter(HuggingFaceWriter&&) noexcept = default;
HuggingFaceWriter::~HuggingFaceWriter() = default;

void HuggingFaceWriter::write_rows(int tensor, RowRange rows, std::span<const std::byte> bytes) {
    State& state = *state_;
    const auto at = static_cast<std::size_t>(tensor);
    const TensorInfo& info = state.catalogue.tensors.at(at);
    assert(rows.begin >= 0 && rows.begin <= rows.end && rows.end <= info.rows());
    assert(bytes.size() == static_cast<std::uint64_t>(rows.size()) * info.row_bytes());
    if (bytes.empty()) {
        return;
    }
    const TensorPlace& place = state.plan.places[at];
    const auto shard = static_cast<std::size_t>(place.shard);
    const std::uint64_t first = state.heads[shard].size() + place.offset +
                                static_cast<std::uint64_t>(rows.begin) * info.row_bytes();
    try {
        state.file_of(shard).stream_at(first, bytes);
    } catch (const Error& error) {
        throw naming_tensor(error, info.name);
    }
    state.written += bytes.size();
}

void HuggingFaceWriter::finish() {
    State& state = *state_;
    state.require_everything_written();
    together(state.ranks, [&] {
        for (std::optional<File>& file : state.files) {
            if (file) {
                file->sync();
            }
        }
    });
    together(state.ranks, [&] {
        if (state.ranks.is_root()) {
            state.publish_folder();
        }
    });
    state.files.clear();
}

}  // namespace alphaprune
