#include "alphaprune/model/weight_check.hpp"

#include <fmt/format.h>

#include <vector>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/scalar.hpp"
#include "alphaprune/support/stop.hpp"

namespace alphaprune::model {
namespace {

support::Error not_finite(const Catalogue& catalogue, const TensorInfo& tensor, std::int64_t bad) {
    return support::bad_request(
        fmt::format("{} values are NaN or infinite", bad), place_of(catalogue, tensor),
        "the model's file is damaged: fetch it again, or repair this tensor");
}

/// In these rows, which are read piece by piece.
std::int64_t non_finite_in(WeightReader& reader, const TensorInfo& tensor,
                           parallel::RowRange rows) {
    std::vector<std::byte> piece;
    std::int64_t bad = 0;
    for_each_piece(tensor, rows, [&](parallel::RowRange part) {
        support::check_stop();
        piece.resize(static_cast<std::size_t>(part.size()) * tensor.row_bytes());
        reader.read_rows(tensor, part, piece);
        bad += static_cast<std::int64_t>(support::count_non_finite(piece, tensor.scalar_type()));
    });
    return bad;
}

}  // namespace

void require_finite(const Catalogue& catalogue, const TensorInfo& tensor,
                    std::span<const std::byte> values) {
    if (const std::size_t bad = support::count_non_finite(values, tensor.scalar_type()); bad > 0) {
        throw not_finite(catalogue, tensor, static_cast<std::int64_t>(bad));
    }
}

void require_finite_tensors(const parallel::Communicator& ranks, const Catalogue& catalogue,
                            std::span<const int> tensors) {
    const auto info = [&](std::size_t i) -> const TensorInfo& {
        return catalogue.tensors[static_cast<std::size_t>(tensors[i])];
    };
    std::vector<std::int64_t> bad(tensors.size());
    parallel::together(ranks, [&] {
        WeightReader reader(catalogue);
        for (std::size_t i = 0; i < tensors.size(); ++i) {
            // Which rank begins differs: the many tensors of one row must not all fall to rank 0.
            const auto part = (static_cast<std::size_t>(ranks.rank()) + i) %
                              static_cast<std::size_t>(ranks.size());
            bad[i] = non_finite_in(
                reader, info(i),
                parallel::share_of(info(i).rows(), ranks.size(), static_cast<int>(part)));
        }
    });
    ranks.all_reduce_sum(std::span(bad));
    support::FaultList faults;
    for (std::size_t i = 0; i < bad.size(); ++i) {
        if (bad[i] > 0) {
            faults.add(not_finite(catalogue, info(i), bad[i]));
        }
    }
    if (!faults.empty()) {
        throw support::Error(support::ExitStatus::bad_request, faults.faults()).mark_agreed();
    }
}

}  // namespace alphaprune::model
