#include "kept_zeros.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "alphaprune/model/matrix_slices.hpp"
#include "alphaprune/model/name_list.hpp"
#include "alphaprune/model/weight_check.hpp"
#include "alphaprune/phases/prune_phase.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/support/scalar.hpp"

namespace alphaprune::phases {
namespace {

const support::BadRequest<std::string> kOtherMask{
    "phases.mask-of-another-model",
    "the run whose zeros are to be kept has not all matrices of the model, or of other shapes: {}",
    "--mask-from names a run of another model", "name a run of the same model"};

/// Bytes of the other run's rows that are held at a time.
constexpr std::uint64_t kMaskBytes = std::uint64_t{4} << 20;

std::unordered_map<std::string_view, int> positions_in(const model::Catalogue& mask) {
    std::unordered_map<std::string_view, int> positions;
    for (std::size_t t = 0; t < mask.tensors.size(); ++t) {
        positions.emplace(mask.tensors[t].name, static_cast<int>(t));
    }
    return positions;
}

/// One for each of the model's tensors that have matrices; -1 for all others, and where the mask
/// has none of that shape.
std::vector<int> tensors_for(const model::Catalogue& model, const model::Catalogue& mask) {
    const auto positions = positions_in(mask);
    std::vector<int> tensors;
    for (const model::TensorInfo& tensor : model.tensors) {
        const auto found = tensor.matrix < 0 ? positions.end() : positions.find(tensor.name);
        const bool fits =
            found != positions.end() &&
            mask.tensors[static_cast<std::size_t>(found->second)].shape == tensor.shape;
        tensors.push_back(fits ? found->second : -1);
    }
    return tensors;
}

}  // namespace

void require_mask(const model::Catalogue& model, const model::Catalogue& mask) {
    const std::vector<int> tensors = tensors_for(model, mask);
    std::vector<std::string> absent;
    std::vector<int> read;
    for (const int t : model::prunable_tensors(model)) {
        const int found = tensors[static_cast<std::size_t>(t)];
        found < 0 ? absent.push_back(model.tensors[static_cast<std::size_t>(t)].name)
                  : read.push_back(found);
    }
    if (!absent.empty()) {
        throw kOtherMask(mask.folder.string(), model::list_names(absent));
    }
    model::require_weight_types(mask, read, "weights whose zeros are kept");
}

KeptZeros::KeptZeros(const model::Catalogue& model, const model::Catalogue* mask) : model_(model) {
    if (mask != nullptr) {
        reader_.emplace(*mask);
        tensors_ = tensors_for(model, *mask);
    }
}

std::vector<std::uint8_t> KeptZeros::of(int matrix, parallel::RowRange outputs) {
    if (!any()) {
        return {};
    }
    model::MatrixInfo info = model_.matrices[static_cast<std::size_t>(matrix)];
    info.tensor = tensors_[static_cast<std::size_t>(info.tensor)];
    const auto source = model::make_matrix_source(*reader_, info, false);
    const std::int64_t inputs = info.inputs();
    std::vector<std::uint8_t> zeros(static_cast<std::size_t>(outputs.size() * inputs));
    std::vector<float> values;
    // Along the stored rows: outputs, or inputs where the matrix is transposed.
    const parallel::RowRange all = info.transposed ? parallel::RowRange{0, inputs} : outputs;
    const std::int64_t width = info.transposed ? outputs.size() : inputs;
    parallel::for_each_slab(
        all, static_cast<std::uint64_t>(width) * sizeof(float),
        [&](parallel::RowRange rows) {
            values.resize(static_cast<std::size_t>(rows.size() * width));
            source->read_single(
                info.transposed
                    ? linalg::Rectangle{rows.begin, rows.end, outputs.begin, outputs.end}
                    : linalg::Rectangle{rows.begin, rows.end, 0, inputs},
                values);
            for (std::int64_t i = 0; i < rows.size(); ++i) {
                for (std::int64_t j = 0; j < width; ++j) {
                    const std::int64_t at = info.transposed
                                                ? j * inputs + rows.begin + i
                                                : (rows.begin - all.begin + i) * inputs + j;
                    zeros[static_cast<std::size_t>(at)] =
                        values[static_cast<std::size_t>(i * width + j)] == 0 ? 1 : 0;
                }
            }
        },
        kMaskBytes);
    return zeros;
}

std::vector<std::vector<std::uint8_t>> KeptZeros::of_shares(const parallel::Communicator& ranks,
                                                            std::span<const int> matrices) {
    std::vector<std::vector<std::uint8_t>> zeros;
    for (const int matrix : matrices) {
        const std::int64_t outputs = model_.matrices[static_cast<std::size_t>(matrix)].outputs();
        zeros.push_back(of(matrix, parallel::share_of(outputs, ranks.size(), ranks.rank())));
    }
    return zeros;
}

void KeptZeros::apply(int tensor, parallel::RowRange rows, std::span<std::byte> stored) {
    const model::TensorInfo& info = model_.tensors[static_cast<std::size_t>(tensor)];
    if (!any() || info.matrix < 0) {
        return;
    }
    parallel::for_each_slab(
        rows, info.row_bytes(),
        [&](parallel::RowRange some) {
            const auto first = static_cast<std::size_t>(some.begin - rows.begin) * info.row_bytes();
            apply_part(
                tensor, some,
                stored.subspan(first, static_cast<std::size_t>(some.size()) * info.row_bytes()));
        },
        kMaskBytes);
}

void KeptZeros::apply_part(int tensor, parallel::RowRange rows, std::span<std::byte> stored) {
    const auto number = static_cast<std::size_t>(tensor);
    const model::TensorInfo& info = model_.tensors[number];
    const model::TensorInfo& other =
        reader_->catalogue().tensors[static_cast<std::size_t>(tensors_[number])];
    const std::size_t size = support::size_of(info.scalar_type());
    const std::size_t other_size = support::size_of(other.scalar_type());
    zeros_.resize(static_cast<std::size_t>(rows.size()) * other.row_bytes());
    reader_->read_rows(other, rows, zeros_);
    const auto clear = [&](std::int64_t first, std::int64_t count) {
        for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(first + count);
             ++i) {
            const auto value = std::span(zeros_).subspan(i * other_size, other_size);
            if (support::count_zeros(value, other.type) != 0) {
                std::ranges::fill(stored.subspan(i * size, size), std::byte{0});
            }
        }
    };
    for (const int matrix : model::matrices_of(model_, tensor)) {
        const model::MatrixInfo& one = model_.matrices[static_cast<std::size_t>(matrix)];
        if (one.is_slice()) {
            model::for_each_stored_run(one, info, rows, clear);
        } else {
            clear(0, rows.size() * info.row_length());
        }
    }
}

}  // namespace alphaprune::phases
