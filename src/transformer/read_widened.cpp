#include "read_widened.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <vector>

#include "alphaprune/support/scalar.hpp"

namespace alphaprune::transformer {

void read_widened(const model::RowSource& source, const model::TensorInfo& tensor,
                  parallel::RowRange rows, std::span<float> out) {
    constexpr std::int64_t kPieceBytes = std::int64_t{4} << 20;
    const support::ScalarType type = tensor.scalar_type();
    const std::int64_t length = tensor.row_length();
    assert(out.size() == static_cast<std::size_t>(rows.size() * length));
    const auto row_bytes = static_cast<std::int64_t>(tensor.row_bytes());
    if (row_bytes == 0) {
        return;
    }
    const std::int64_t rows_a_piece = std::clamp<std::int64_t>(
        kPieceBytes / row_bytes, 1, std::max<std::int64_t>(rows.size(), 1));
    std::vector<std::byte> stored(static_cast<std::size_t>(rows_a_piece * row_bytes));
    for (std::int64_t begin = rows.begin; begin < rows.end; begin += rows_a_piece) {
        const parallel::RowRange piece{begin, std::min(begin + rows_a_piece, rows.end)};
        const auto bytes =
            std::span(stored).first(static_cast<std::size_t>(piece.size() * row_bytes));
        source(tensor, piece, bytes);
        support::widen(bytes, type,
                       out.subspan(static_cast<std::size_t>((begin - rows.begin) * length),
                                   static_cast<std::size_t>(piece.size() * length)));
    }
}

}  // namespace alphaprune::transformer
