#include <cassert>
#include <optional>
#include <utility>
#include <vector>

#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"
#include "read_ahead.hpp"
#include "weight_store.hpp"

namespace alphaprune::model {
namespace {

/// The same error, with the tensor that was being read.
support::Error naming_tensor(const support::Error& error, const std::string& place) {
    std::vector<support::Fault> faults = error.faults();
    for (support::Fault& fault : faults) {
        fault.where = place;
    }
    return {error.status(), std::move(faults)};
}

class StoredWeights : public WeightStore {
  public:
    explicit StoredWeights(const Catalogue& catalogue)
        : catalogue_(catalogue), files_(catalogue.shards.size()) {}

    void read(const TensorInfo& tensor, const linalg::Rectangle& part,
              std::span<std::byte> out) override {
        read_rectangle(tensor, part, out);
        require_unchanged(tensor);
    }

    void will_need(const TensorInfo& tensor) override {
        try {
            ahead_.begin(shard(tensor.shard), tensor.offset, tensor.bytes());
        } catch (const support::Error&) {  // comes again, and is told of, when the tensor is read
        }
    }

  private:
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

    /// What was read before and after a change does not belong together.
    void require_unchanged(const TensorInfo& tensor) {
        const auto number = static_cast<std::size_t>(tensor.shard);
        if (number < catalogue_.stamps.size() &&
            shard(tensor.shard).stamp() != catalogue_.stamps[number]) {
            throw support::failure(
                "the file has changed since the run began", place_of(catalogue_, tensor),
                "leave the model alone while a run reads it; put the file back as it was "
                "and go on with --resume, or start anew with --overwrite");
        }
    }

    const support::File& shard(int index) {
        const auto number = static_cast<std::size_t>(index);
        if (!files_[number]) {
            files_[number] =
                support::File::open_for_reading(catalogue_.folder / catalogue_.shards[number]);
        }
        return *files_[number];
    }

    /// From byte `first` of the tensor on.
    void read_bytes(const TensorInfo& tensor, std::uint64_t first, std::span<std::byte> out) {
        try {
            shard(tensor.shard).read_at(tensor.offset + first, out);
        } catch (const support::Error& error) {
            throw naming_tensor(error, place_of(catalogue_, tensor));
        }
    }

    const Catalogue& catalogue_;
    std::vector<std::optional<support::File>> files_;
    ReadAhead ahead_;  // after the files, which it reads
};

}  // namespace

std::unique_ptr<WeightStore> open_weight_files(const Catalogue& catalogue) {
    assert(catalogue.origin == WeightOrigin::folder);
    return std::make_unique<StoredWeights>(catalogue);
}

}  // namespace alphaprune::model
