#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/linalg/matrix_source.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/support/file.hpp"

namespace alphaprune {

/// Reads weights of a catalogued model, just the bytes asked for. Shards are opened at first use.
class WeightReader {
  public:
    /// @param catalogue  outlives the reader
    explicit WeightReader(const Catalogue& catalogue);

    const Catalogue& catalogue() const { return catalogue_; }

    /// Fills `out` with the stored bytes of those rows.
    /// @throws Error naming tensor and file
    void read_rows(const TensorInfo& tensor, RowRange rows, std::span<std::byte> out);

    /// Values [begin, end) of one row.
    void read_row_part(const TensorInfo& tensor, std::int64_t row, std::int64_t begin,
                       std::int64_t end, std::span<std::byte> out);

  private:
    const File& shard(int index);
    /// From byte `first` of the tensor on.
    void read_bytes(const TensorInfo& tensor, std::uint64_t first, std::span<std::byte> out);

    const Catalogue& catalogue_;
    std::vector<std::optional<File>> files_;
};

/// "tensor NAME in FILE", for messages.
std::string place_of(const Catalogue& catalogue, const TensorInfo& tensor);

/// A prunable matrix, as the linear algebra sees it.
/// @param whole  read the stored bytes once, contiguously, and keep them (one rank takes the whole
///               matrix); otherwise each rectangle is read from the file when asked for (groups)
/// @param reader  outlives the source
std::unique_ptr<MatrixSource> make_matrix_source(WeightReader& reader, const MatrixInfo& matrix,
                                                 bool whole);

}  // namespace alphaprune
