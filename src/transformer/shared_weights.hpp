#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/parallel/thread_pool.hpp"
#include "alphaprune/support/scalar.hpp"
#include "alphaprune/transformer/tensor_layout.hpp"

namespace alphaprune::transformer {

/// Some rows of a tensor as float32, read a few megabytes at a time. @throws Error as the source
/// does
void read_widened(const model::RowSource& source, const model::TensorInfo& tensor,
                  parallel::RowRange rows, std::span<float> out);

/// Some tensors of a model, held once on each node in shared memory: the ranks of the node read and
/// convert a share of the rows each. Those of linear layers lie as their layouts say. Made and
/// destroyed collectively by the node.
class SharedWeights {
  public:
    /// Memory that one object leaves to the next.
    using Memory = std::optional<parallel::NodeArray<float>>;
    /// A tensor and how it is held.
    struct Held {
        int tensor = 0;            ///< index into Catalogue::tensors
        TensorLayout layout = {};  ///< without layers: as it is stored
        /// The type that the files have, or float32.
        support::ScalarType type = support::ScalarType::float32;
    };

    /// Run collectively by the node; reads nothing yet.
    /// @param node      outlives the object
    /// @param catalogue outlives the object
    /// @param threads   of this rank, which convert its share; outlive the object
    /// @param memory    is used if it is large enough and not twice what is needed, else given back
    SharedWeights(const parallel::Communicator& node, const model::Catalogue& catalogue,
                  std::vector<Held> tensors,
                  const parallel::ThreadPool& threads = parallel::ThreadPool::single(),
                  Memory memory = {});

    /// Run collectively by the node: fills all tensors from `source`.
    /// @throws Error on all ranks of the node when reading fails on one
    void load(const model::RowSource& source);
    /// The same for one of them alone.
    void load_tensor(int tensor, const model::RowSource& source);

    /// A tensor's values as they are held, row-major. The tensor must be one of those given at the
    /// start.
    std::span<const std::byte> bytes(int tensor) const;
    /// The same to be changed; sync() on all ranks of the node before others read what was changed.
    std::span<std::byte> bytes(int tensor);
    /// The same of a tensor that is held in float32.
    std::span<const float> values(int tensor) const;
    std::span<float> values(int tensor);
    void sync() { array_->sync(); }
    support::ScalarType type_of(int tensor) const { return held(tensor).type; }

    /// Outputs of a linear layer or of a matrix, each a row of its inputs.
    /// @param outputs  how many there are, of which none, or all, are outside of the pattern
    std::span<std::byte> output_bytes(int tensor, int expert, const model::OutputPattern& pattern,
                                      std::int64_t outputs);
    /// The same of a tensor that is held in float32.
    std::span<const float> outputs(int tensor, int expert, const model::OutputPattern& pattern,
                                   std::int64_t outputs) const;
    std::span<float> outputs(int tensor, int expert, const model::OutputPattern& pattern,
                             std::int64_t outputs);
    /// Rows of a tensor as the files have them, in its stored type.
    /// @param room  for them, if they do not lie so
    /// @return valid as long as `room` and this
    std::span<const std::byte> stored_rows(int tensor, parallel::RowRange rows,
                                           std::vector<std::byte>& room) const;

    /// What all of them lie in.
    std::span<std::byte> memory() { return std::as_writable_bytes(array_->values()); }
    /// Leaves the memory to another one; this one has none any more.
    Memory take_memory() { return std::exchange(array_, std::nullopt); }

    /// Whether an object for these tensors would use that memory.
    static bool would_use(const Memory& memory, const model::Catalogue& catalogue,
                          std::span<const Held> tensors);
    /// Bytes on a node for these tensors.
    static std::uint64_t bytes_for(const model::Catalogue& catalogue,
                                   std::span<const Held> tensors);

  private:
    std::size_t position_of(int tensor) const;
    const Held& held(int tensor) const { return tensors_[position_of(tensor)]; }
    /// Where a tensor begins and ends, in bytes.
    std::pair<std::size_t, std::size_t> place_of(int tensor) const;
    /// Where such outputs lie among the tensor's values.
    parallel::RowRange place_of(int tensor, int expert, const model::OutputPattern& pattern,
                                std::int64_t outputs) const;
    /// This rank's share of a tensor. @throws Error
    void load_share(const Held& held, const model::RowSource& source);

    const parallel::Communicator* node_;
    const parallel::ThreadPool* threads_;
    const model::Catalogue* catalogue_;
    std::vector<Held> tensors_;
    std::vector<std::size_t> starts_;  ///< in bytes, and the end
    Memory array_;
};

/// All of them in float32, as they are stored.
std::vector<SharedWeights::Held> in_float32(std::span<const int> tensors);
/// The same. @param layouts  of each
std::vector<SharedWeights::Held> in_float32(std::span<const int> tensors,
                                            std::span<const TensorLayout> layouts);

}  // namespace alphaprune::transformer
