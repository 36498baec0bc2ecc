#include "alphaprune/model/weight_reader.hpp"

#include <fmt/format.h>

#include <cassert>

#include "weights/weight_store.hpp"

namespace alphaprune::model {

std::string place_of(const Catalogue& catalogue, const TensorInfo& tensor) {
    if (catalogue.origin == WeightOrigin::synthetic) {
        return fmt::format("tensor {} of {}", tensor.name, catalogue.model_name);
    }
    const auto path = catalogue.folder / catalogue.shards[static_cast<std::size_t>(tensor.shard)];
    return fmt::format("tensor {} in {}", tensor.name, path.string());
}

WeightReader::WeightReader(const Catalogue& catalogue)
    : catalogue_(catalogue),
      store_(catalogue.origin == WeightOrigin::synthetic ? generate_weights(catalogue)
                                                         : open_weight_files(catalogue)) {}

WeightReader::WeightReader(WeightReader&&) noexcept = default;
WeightReader::~WeightReader() = default;

void WeightReader::read_rows(const TensorInfo& tensor, parallel::RowRange rows,
                             std::span<std::byte> out) {
    read_part(tensor, {rows.begin, rows.end, 0, tensor.row_length()}, out);
}

void WeightReader::read_part(const TensorInfo& tensor, const linalg::Rectangle& part,
                             std::span<std::byte> out) {
    assert(part.row_begin >= 0 && part.row_end <= tensor.rows());
    assert(part.col_begin >= 0 && part.col_end <= tensor.row_length());
    assert(part.cols() == tensor.row_length()
               ? out.size() == static_cast<std::size_t>(part.rows()) * tensor.row_bytes()
               : out.size() ==
                     static_cast<std::size_t>(part.size()) * size_of(tensor.scalar_type()));
    store_->read(tensor, part, out);
}

void WeightReader::will_need(const TensorInfo& tensor) {
    store_->will_need(tensor);
}

}  // namespace alphaprune::model
