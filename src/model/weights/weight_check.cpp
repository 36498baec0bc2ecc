#include "alphaprune/model/weight_check.hpp"

#include <map>
#include <set>
#include <vector>

#include "alphaprune/model/name_list.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/support/scalar.hpp"
#include "alphaprune/support/stop.hpp"

namespace alphaprune::model {
namespace {

const support::BadRequest<std::string, std::string, std::string_view, std::string> kTypesNotRead{
    "model.types-not-read", "{} have the dtype {}, and only {} are read: {}",
    "the model is quantized (int8, GPTQ, AWQ), or its files are damaged",
    "convert the model, or use the one that was quantized; with transformers: "
    "model.to(torch.bfloat16).save_pretrained(...)"};

const support::BadRequest<std::int64_t> kNotFinite{
    "model.not-finite", "{} values are NaN or infinite",
    "the model's file is damaged, or the weights overflowed in a conversion to float16",
    "fetch the model's file again, or repair this tensor"};

/// In these rows, which are read piece by piece.
std::int64_t non_finite_in(WeightReader& reader, const TensorInfo& tensor,
                           parallel::RowRange rows) {
    std::vector<std::byte> piece;
    std::int64_t bad = 0;
    parallel::for_each_slab(rows, tensor.row_bytes(), [&](parallel::RowRange part) {
        support::check_stop();
        piece.resize(static_cast<std::size_t>(part.size()) * tensor.row_bytes());
        reader.read_rows(tensor, part, piece);
        bad += static_cast<std::int64_t>(support::count_non_finite(piece, tensor.scalar_type()));
    });
    return bad;
}

}  // namespace

std::vector<int> prunable_tensors(const Catalogue& catalogue) {
    std::vector<int> tensors;
    for (std::size_t t = 0; t < catalogue.tensors.size(); ++t) {
        if (catalogue.tensors[t].matrix >= 0) {
            tensors.push_back(static_cast<int>(t));
        }
    }
    return tensors;
}

void require_weight_types(const Catalogue& catalogue, std::span<const int> tensors,
                          const std::string& what) {
    std::map<std::string, std::vector<std::string>> names_by_type;
    for (const int index : std::set<int>(tensors.begin(), tensors.end())) {
        const TensorInfo& tensor = catalogue.tensors[static_cast<std::size_t>(index)];
        if (!tensor.type.scalar()) {
            names_by_type[tensor.type.name()].push_back(tensor.name);
        }
    }
    support::FaultList faults;
    for (const auto& [type, names] : names_by_type) {
        faults.add(kTypesNotRead(catalogue.folder.string(), what, type,
                                 support::scalar_type_names(), list_names(names)));
    }
    faults.throw_if_any();
}

void require_finite(const Catalogue& catalogue, const TensorInfo& tensor,
                    std::span<const std::byte> values) {
    if (const std::size_t bad = support::count_non_finite(values, tensor.scalar_type()); bad > 0) {
        throw kNotFinite(place_of(catalogue, tensor), static_cast<std::int64_t>(bad));
    }
}

void require_finite_tensors(const parallel::Communicator& ranks, const Catalogue& catalogue,
                            std::span<const int> tensors) {
    const auto info = [&](std::size_t i) -> const TensorInfo& {
        return catalogue.tensors[static_cast<std::size_t>(tensors[i])];
    };
    std::vector<std::int64_t> bad(tensors.size());
    parallel::run_collectively(ranks, [&] {
        WeightReader reader(catalogue);
        for (std::size_t i = 0; i < tensors.size(); ++i) {
            // Tensors start at different ranks: the many of one row must not all fall to rank 0.
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
            faults.add(kNotFinite(place_of(catalogue, info(i)), bad[i]));
        }
    }
    if (!faults.empty()) {
        throw support::Error(support::ExitStatus::bad_request, faults.faults()).mark_agreed();
    }
}

}  // namespace alphaprune::model
