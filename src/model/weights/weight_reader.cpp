#include "alphaprune/model/weight_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "alphaprune/model/matrix_slices.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/message.hpp"
#include "unpack.hpp"

namespace alphaprune::model {
namespace {

const support::Failure<> kFileChanged{
    "model.file-changed", "the file has changed since the run began",
    "the model was fetched, converted or touched meanwhile: what was read before and after does "
    "not belong together",
    "do not modify the model while a run reads it; restore the file and continue with --resume, or "
    "start anew with --overwrite"};

/// A thread that reads what will be needed soon, from end to end, so that it is in the page cache
/// by then. (readahead and posix_fadvise fetch some 128 KiB, however much is asked for.) Errors are
/// left to the read that needs the bytes.
class ReadAhead {
  public:
    struct Part {
        const support::File* file = nullptr;  ///< outlives the object
        std::uint64_t offset = 0;
        std::uint64_t bytes = 0;
    };

    /// Reads these parts of files in place of what was asked for before and has not been read yet.
    /// Returns at once.
    void begin(const std::vector<Part>& parts) {
        {
            const std::scoped_lock lock(mutex_);
            wanted_.assign(parts.begin(), parts.end());
        }
        changed_.notify_one();
        if (!thread_.joinable()) {
            try {
                thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
            } catch (const std::system_error&) {  // no thread to be had: nothing is read ahead
            }
        }
    }

  private:
    void work(const std::stop_token& stop) {
        constexpr std::uint64_t kPieceBytes = std::uint64_t{2} << 20;
        std::vector<std::byte> scratch(kPieceBytes);
        std::unique_lock lock(mutex_);
        while (changed_.wait(lock, stop, [&] { return !wanted_.empty(); }) &&
               !stop.stop_requested()) {
            Part& next = wanted_.front();
            const Part piece{next.file, next.offset, std::min(next.bytes, kPieceBytes)};
            next.offset += piece.bytes;
            next.bytes -= piece.bytes;
            if (next.bytes == 0) {
                wanted_.pop_front();
            }
            lock.unlock();
            try {
                piece.file->read_at(piece.offset, std::span(scratch).first(piece.bytes));
            } catch (const support::Error&) {  // reported when these bytes are needed
            }
            lock.lock();
        }
    }

    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<Part> wanted_;
    std::jthread thread_;  // the last member: it uses the others; starts with the first part
};

/// The same error, with the tensor that was being read.
support::Error naming_tensor(const support::Error& error, const std::string& place) {
    std::vector<support::Fault> faults = error.faults();
    for (support::Fault& fault : faults) {
        fault.where = place;
    }
    return {error.status(), std::move(faults)};
}

/// The shards of a model folder, or a checkpoint, opened at first use.
class StoredWeights : public WeightStore {
  public:
    explicit StoredWeights(const Catalogue& catalogue)
        : catalogue_(catalogue), files_(catalogue.shards.size()) {}

    void read(const TensorInfo& tensor, const linalg::Rectangle& part,
              std::span<std::byte> out) override {
        const ShardBytes from_shard = [&](int number, std::uint64_t offset,
                                          std::span<std::byte> bytes) {
            read_shard(tensor, number, offset, bytes);
        };
        if (tensor.bitmask) {
            read_bitmask(tensor, place_of(catalogue_, tensor), part, from_shard, out);
        } else if (tensor.packed) {
            read_packed(tensor, part, from_shard, out);
            require_unchanged(tensor, tensor.packed->scale_shard);
        } else {
            read_rectangle(tensor, part, out);
        }
        require_unchanged(tensor, tensor.shard);
    }

    void will_need(std::span<const NeededRows> needed) override {
        std::vector<ReadAhead::Part> parts;
        for (const auto& [tensor, rows] : needed) {
            try {
                // Of packed rows about where they lie.
                const std::uint64_t bytes = stored_bytes(tensor);
                const std::uint64_t each =
                    bytes / static_cast<std::uint64_t>(std::max<std::int64_t>(tensor.rows(), 1));
                parts.push_back({&shard(tensor.shard),
                                 tensor.offset + static_cast<std::uint64_t>(rows.begin) * each,
                                 static_cast<std::uint64_t>(rows.size()) * each});
            } catch (const support::Error&) {  // reported when the tensor is read
            }
        }
        std::erase_if(parts, [](const ReadAhead::Part& part) { return part.bytes == 0; });
        ahead_.begin(parts);
    }

  private:
    /// Of a mask the values, which are most of it.
    static std::uint64_t stored_bytes(const TensorInfo& tensor) {
        if (tensor.bitmask) {
            return tensor.bitmask->values * support::size_of(tensor.scalar_type());
        }
        return tensor.packed ? tensor.packed->bytes() : tensor.bytes();
    }

    void read_rectangle(const TensorInfo& tensor, const linalg::Rectangle& part,
                        std::span<std::byte> out) {
        const std::uint64_t row_bytes = tensor.row_bytes();
        const auto first = static_cast<std::uint64_t>(part.row_begin) * row_bytes;
        if (part.cols() == tensor.row_length()) {
            read_bytes(tensor, first, out);
            return;
        }
        const std::size_t value_bytes = support::size_of(tensor.scalar_type());
        const std::uint64_t skipped = static_cast<std::uint64_t>(part.col_begin) * value_bytes;
        const std::size_t width = static_cast<std::size_t>(part.cols()) * value_bytes;
        for (std::size_t row = 0; row < static_cast<std::size_t>(part.rows()); ++row) {
            read_bytes(tensor, first + row * row_bytes + skipped, out.subspan(row * width, width));
        }
    }

    void require_unchanged(const TensorInfo& tensor, int shard_number) {
        const auto number = static_cast<std::size_t>(shard_number);
        if (number < catalogue_.stamps.size() &&
            shard(shard_number).stamp() != catalogue_.stamps[number]) {
            throw kFileChanged(place_of(catalogue_, tensor));
        }
    }

    const support::File& shard(int index) {
        const auto number = static_cast<std::size_t>(index);
        const std::scoped_lock lock(opening_);
        if (!files_[number]) {
            files_[number] =
                support::File::open_for_reading(catalogue_.folder / catalogue_.shards[number]);
        }
        return *files_[number];
    }

    /// From byte `first` of the tensor on.
    void read_bytes(const TensorInfo& tensor, std::uint64_t first, std::span<std::byte> out) {
        read_shard(tensor, tensor.shard, tensor.offset + first, out);
    }

    /// Of the tensor, or of its scales.
    void read_shard(const TensorInfo& tensor, int number, std::uint64_t offset,
                    std::span<std::byte> out) {
        try {
            shard(number).read_at(offset, out);
        } catch (const support::Error& error) {
            throw naming_tensor(error, place_of(catalogue_, tensor));
        }
    }

    const Catalogue& catalogue_;
    std::mutex opening_;
    std::vector<std::optional<support::File>> files_;  ///< one that is open stays where it is
    ReadAhead ahead_;                                  // after the files, which it reads
};

}  // namespace

std::string place_of(const Catalogue& catalogue, const TensorInfo& tensor) {
    if (catalogue.origin == WeightOrigin::synthetic) {
        return fmt::format("tensor {} of {}", tensor.name, catalogue.model_name);
    }
    const auto path = catalogue.folder / catalogue.shards[static_cast<std::size_t>(tensor.shard)];
    return fmt::format("tensor {} in {}", tensor.name, path.string());
}

WeightReader::WeightReader(const Catalogue& catalogue)
    : catalogue_(catalogue),
      store_(catalogue.origin == WeightOrigin::synthetic
                 ? generate_weights(catalogue)
                 : std::make_unique<StoredWeights>(catalogue)) {}

void WeightReader::read_rows(const TensorInfo& tensor, parallel::RowRange rows,
                             std::span<std::byte> out) {
    read_part(tensor, {rows.begin, rows.end, 0, tensor.row_length()}, out);
}

void WeightReader::will_need(const MatrixInfo& matrix) {
    const TensorInfo& tensor = catalogue_.tensor_of(matrix);
    const std::int64_t first = first_row_of_expert(matrix, tensor);
    const parallel::RowRange rows =
        matrix.transposed ? parallel::RowRange{0, matrix.rows}
                          : parallel::RowRange{matrix.pattern.stored(0),
                                               matrix.pattern.stored(matrix.rows - 1) + 1};
    const TensorInfo as_rows = as_matrix_rows(tensor);
    const NeededRows needed{as_rows, {first + rows.begin, first + rows.end}};
    store_->will_need(std::span(&needed, 1));
}

void WeightReader::read_part(const TensorInfo& tensor, const linalg::Rectangle& part,
                             std::span<std::byte> out) {
    assert(part.row_begin >= 0 && part.row_end <= tensor.rows());
    assert(part.col_begin >= 0 && part.col_end <= tensor.row_length());
    assert(part.cols() == tensor.row_length()
               ? out.size() == static_cast<std::size_t>(part.rows()) * tensor.row_bytes()
               : out.size() ==
                     static_cast<std::size_t>(part.size()) * size_of(tensor.scalar_type()));
    store_->read(tensor, part, out);
}

}  // namespace alphaprune::model
