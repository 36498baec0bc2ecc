#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "alphaprune/linalg/matrix_source.hpp"
#include "alphaprune/model/weight_reader.hpp"

namespace alphaprune::model {

/// A rectangle of a matrix and its stored bytes, row after row.
struct Strip {
    linalg::Rectangle part;
    std::vector<std::byte> bytes;
};

/// Groups go through the columns of a wide matrix a few hundred bytes of a row at a time, which no
/// file system likes. So much longer pieces of the rows are read, and kept until all of them has
/// been asked for.
class ColumnStrips {
  public:
    /// @param ranks  that share the matrix, each with rows of its own; 1: nothing is kept
    ColumnStrips(WeightReader& reader, const TensorInfo& tensor, int ranks);

    /// The strip that the rectangle lies in, read if it is not there yet; nullptr where keeping one
    /// gains nothing or takes more than kStripBytes.
    const Strip* with(const linalg::Rectangle& part);

  private:
    WeightReader& reader_;
    const TensorInfo& tensor_;
    std::int64_t longest_ = 0;              ///< columns of a strip
    std::size_t kept_ = 0;                  ///< bytes, in all strips
    std::map<std::int64_t, Strip> strips_;  ///< by their first row
};

}  // namespace alphaprune::model
