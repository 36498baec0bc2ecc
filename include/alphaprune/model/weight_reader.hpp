#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "alphaprune/linalg/matrix_source.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/share.hpp"

namespace alphaprune::model {

/// Rows of a tensor that will be read soon.
struct NeededRows {
    const TensorInfo& tensor;
    parallel::RowRange rows;
};

/// What a WeightReader reads from. Each rank has its own; all give the same bytes. read() may be
/// called by several threads at the same time.
class WeightStore {
  public:
    virtual ~WeightStore() = default;

    /// Fills `out` with the stored bytes of a rectangle of the tensor (rows × row_length), row
    /// after row. @throws Error
    virtual void read(const TensorInfo& tensor, const linalg::Rectangle& part,
                      std::span<std::byte> out) = 0;

    /// How a matrix of two dimensions is made; nothing where it is read. Valid until the next call
    /// of this function.
    virtual std::optional<linalg::GeneratedValues> generated(const TensorInfo& /*tensor*/) {
        return std::nullopt;
    }

    /// Prefetches rows, in that order, where that is possible, in place of what was to be
    /// prefetched before. Reports no fault: reading will.
    virtual void will_need(std::span<const NeededRows> /*needed*/) {}
};

/// Weights that are generated (synthetic_catalogue says which).
std::unique_ptr<WeightStore> generate_weights(const Catalogue& catalogue);

/// Reads weights of a catalogued model, just those asked for, from where they are: the shards of
/// its folder or the checkpoint, opened at first use, or, for a synthetic model, the generator.
/// Several threads may read at the same time.
class WeightReader {
  public:
    /// @param catalogue  outlives the reader
    explicit WeightReader(const Catalogue& catalogue);

    const Catalogue& catalogue() const { return catalogue_; }

    /// Fills `out` with the stored bytes of those rows.
    /// @throws Error naming tensor and file
    void read_rows(const TensorInfo& tensor, parallel::RowRange rows, std::span<std::byte> out);

    /// The same for a rectangle of the tensor taken as rows, row after row without gaps.
    void read_part(const TensorInfo& tensor, const linalg::Rectangle& part,
                   std::span<std::byte> out);

    /// How the values of a tensor are made; see WeightStore.
    std::optional<linalg::GeneratedValues> generated(const TensorInfo& tensor) {
        return store_->generated(tensor);
    }

    /// These rows, or the matrix, will be read soon: a background thread fetches them into the page
    /// cache meanwhile, in place of what it was asked to fetch before. Returns at once.
    void will_need(std::span<const NeededRows> needed) { store_->will_need(needed); }
    void will_need(const MatrixInfo& matrix);

  private:
    const Catalogue& catalogue_;
    std::unique_ptr<WeightStore> store_;
};

/// "tensor NAME in FILE" or "tensor NAME of MODEL", for messages.
std::string place_of(const Catalogue& catalogue, const TensorInfo& tensor);

/// Stored bytes that a rank of a group keeps, so as to read long pieces of the rows.
inline constexpr std::uint64_t kStripBytes = std::uint64_t{32} << 20;

/// A prunable matrix, as the linear algebra sees it.
/// @param whole  read the stored bytes once, contiguously, and keep them (one rank takes the whole
///               matrix); otherwise each rectangle is read when asked for (groups)
/// @param reader  outlives the source
/// @param ranks  of a group, each with a source of its own, that go through the columns of the
///               matrix in order: each keeps up to kStripBytes of its rows
std::unique_ptr<linalg::MatrixSource> make_matrix_source(WeightReader& reader,
                                                         const MatrixInfo& matrix, bool whole,
                                                         int ranks = 1);

}  // namespace alphaprune::model
