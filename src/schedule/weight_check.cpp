#include "alphaprune/schedule/weight_check.hpp"

#include <fmt/format.h>

#include <vector>

#include "alphaprune/support/error.hpp"
#include "alphaprune/support/scalar.hpp"

namespace alphaprune {
namespace {

void complain(const Catalogue& catalogue, const TensorInfo& tensor, std::size_t bad) {
    throw bad_request(fmt::format("{} values are NaN or infinite", bad),
                      place_of(catalogue, tensor),
                      "the model's file is damaged: fetch it again, or repair this tensor");
}

}  // namespace

void require_finite(const Catalogue& catalogue, const TensorInfo& tensor,
                    std::span<const std::byte> values) {
    if (const std::size_t bad = count_non_finite(values, tensor.type); bad > 0) {
        complain(catalogue, tensor, bad);
    }
}

void require_finite_rows(WeightReader& reader, const TensorInfo& tensor, RowRange rows) {
    std::vector<std::byte> piece;
    std::size_t bad = 0;
    for_each_piece(tensor, rows, [&](RowRange part) {
        piece.resize(static_cast<std::size_t>(part.size()) * tensor.row_bytes());
        reader.read_rows(tensor, part, piece);
        bad += count_non_finite(piece, tensor.type);
    });
    if (bad > 0) {
        complain(reader.catalogue(), tensor, bad);
    }
}

}  // namespace alphaprune
