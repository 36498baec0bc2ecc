#pragma once

#include <span>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/parallel/thread_pool.hpp"
#include "alphaprune/transformer/tensor_layout.hpp"

namespace alphaprune::transformer {

/// Some rows of a tensor as float32, read a few megabytes at a time. @throws Error as the source
/// does
void read_widened(const model::RowSource& source, const model::TensorInfo& tensor,
                  parallel::RowRange rows, std::span<float> out);

/// Some tensors of a model in float32, held once on each node in shared memory: the ranks of the
/// node read and convert a share of the rows each. Those of linear layers lie as their layouts say.
/// Made and destroyed collectively by the node.
class SharedWeights {
  public:
    /// Run collectively by the node; reads nothing yet.
    /// @param node      outlives the object
    /// @param catalogue outlives the object
    /// @param tensors   indices into Catalogue::tensors
    /// @param layouts   of each of them; empty: all lie as they are stored
    /// @param threads   of this rank, which convert its share; outlive the object
    SharedWeights(const parallel::Communicator& node, const model::Catalogue& catalogue,
                  std::vector<int> tensors, std::vector<TensorLayout> layouts = {},
                  const parallel::ThreadPool& threads = parallel::ThreadPool::single());

    /// Run collectively by the node: fills all tensors from `source`.
    /// @throws Error on all ranks of the node when reading fails on one
    void load(const model::RowSource& source);
    /// The same for one of them alone.
    void load_tensor(int tensor, const model::RowSource& source);

    /// A tensor's values, row-major. The tensor must be one of those given at the start.
    std::span<const float> values(int tensor) const;
    /// The same to be changed; sync() on all ranks of the node before others read what was changed.
    std::span<float> values(int tensor);
    void sync() { array_.sync(); }

    /// Outputs of a linear layer or of a matrix, each a row of its inputs.
    /// @param outputs  how many there are, of which none, or all, are outside of the pattern
    std::span<const float> outputs(int tensor, int expert, const model::OutputPattern& pattern,
                                   std::int64_t outputs) const;
    std::span<float> outputs(int tensor, int expert, const model::OutputPattern& pattern,
                             std::int64_t outputs);
    /// Rows of a tensor as they are stored.
    void stored_rows(int tensor, parallel::RowRange rows, std::span<float> out) const;

    /// Bytes on a node for these tensors in float32.
    static std::uint64_t bytes_for(const model::Catalogue& catalogue, std::span<const int> tensors);

  private:
    std::size_t position_of(int tensor) const;
    std::size_t start_of(int tensor) const { return starts_[position_of(tensor)]; }
    /// Where such outputs lie among the tensor's values.
    parallel::RowRange place_of(int tensor, int expert, const model::OutputPattern& pattern,
                                std::int64_t outputs) const;
    /// This rank's share of a tensor. @throws Error
    void load_share(int tensor, const model::RowSource& source);

    const parallel::Communicator* node_;
    const parallel::ThreadPool* threads_;
    const model::Catalogue* catalogue_;
    std::vector<int> tensors_;
    std::vector<TensorLayout> layouts_;
    std::vector<std::size_t> starts_;
    parallel::NodeArray<float> array_;
};

}  // namespace alphaprune::transformer
