#include "tensor_stream.hpp"

#include <memory>
#include <mutex>

#include "alphaprune/formats/bitmask.hpp"
#include "alphaprune/model/matrix_slices.hpp"
#include "alphaprune/model/weight_check.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/support/checksum.hpp"
#include "alphaprune/support/scalar.hpp"
#include "alphaprune/support/stop.hpp"

namespace alphaprune::phases {

parallel::RowRange TensorStream::share(const model::TensorInfo& tensor) const {
    return parallel::share_of(tensor.rows(), ranks_.size(), ranks_.rank());
}

std::vector<std::byte>& TensorStream::room_for(const model::TensorInfo& tensor,
                                               parallel::RowRange rows) {
    buffer_.assign(static_cast<std::size_t>(rows.size()) * tensor.row_bytes(), std::byte{0});
    return buffer_;
}

void TensorStream::read(const model::TensorInfo& tensor, parallel::RowRange rows,
                        std::span<std::byte> out) {
    reader_.read_rows(tensor, rows, out);
    if (tensor.matrix >= 0) {
        model::require_finite(reader_.catalogue(), tensor, out);
    }
}

void TensorStream::announce(int index, parallel::RowRange rows, std::span<const std::byte> bytes) {
    if (announces(index)) {
        announce(index, rows,
                 formats::count_values(bytes, support::size_of(tensor(index).scalar_type())));
    }
}

resume::WrittenRows TensorStream::book(int index, parallel::RowRange rows,
                                       std::span<const std::byte> bytes, std::int64_t zeros) {
    resume::WrittenRows written{index, rows, {0, zeros}};
    if (!bytes.empty()) {
        written.part.checksum = support::checksum_of_rows(bytes, tensor(index).row_bytes(),
                                                          static_cast<std::uint64_t>(rows.begin));
        add(index, written.part);
        count_zeros_in_slices(index, rows, bytes);
    }
    return written;
}

void TensorStream::write(const resume::WrittenRows& rows, std::span<const std::byte> bytes) const {
    if (!bytes.empty()) {
        store_.write_rows(rows, bytes);
    }
}

void TensorStream::take_over_finished() {
    if (!ranks_.is_root()) {
        return;
    }
    for (int t = 0; t < static_cast<int>(results_.size()); ++t) {
        if (const auto finished = store_.finished(t)) {
            add(t, *finished);
            store_.keep(t);
        }
    }
}

void TensorStream::add(int index, const pruning::PrunedTensor& part) {
    pruning::PrunedTensor& result = results_[static_cast<std::size_t>(index)];
    result.checksum += part.checksum;
    result.zeros += part.zeros;
}

void TensorStream::count_zeros_in_slices(int index, parallel::RowRange rows,
                                         std::span<const std::byte> bytes) {
    for (const int m : model::matrices_of(reader_.catalogue(), index)) {
        const auto number = static_cast<std::size_t>(m);
        const model::MatrixInfo& matrix = reader_.catalogue().matrices[number];
        if (matrix.is_slice()) {
            zeros_[number] += model::count_zeros_of(matrix, tensor(index), rows, bytes);
        }
    }
}

void TensorStream::deliver(int index, parallel::RowRange rows, std::span<const std::byte> bytes) {
    write(book(index, rows, bytes,
               static_cast<std::int64_t>(support::count_zeros(bytes, tensor(index).type))),
          bytes);
}

void TensorStream::copy(int index) {
    parallel::for_each_slab(share(tensor(index)), tensor(index).row_bytes(),
                            [&](parallel::RowRange rows) {
                                std::vector<std::byte>& bytes = room_for(tensor(index), rows);
                                read(tensor(index), rows, bytes);
                                deliver(index, rows, bytes);
                            });
}

void TensorStream::copy_the_rest(parallel::WorkClock& clock) {
    support::FirstError problem;
    for (int t = 0; t < static_cast<int>(results_.size()); ++t) {
        if (tensor(t).matrix < 0 && !store_.finished(t)) {
            problem.guard([&] {
                const auto writing = clock.during(parallel::Work::write);
                support::check_stop();
                copy(t);
            });
        }
    }
    const auto waiting = clock.during(parallel::Work::wait);
    parallel::agree(ranks_, problem.get());
}

model::RowSource TensorStream::finished_rows(int index) {
    const auto in_use = std::make_shared<std::mutex>();  // a store is for one thread
    return model::with_matrix_rows(
        [this, index, in_use](const model::TensorInfo&, parallel::RowRange rows,
                              std::span<std::byte> out) {
            support::check_stop();
            const std::scoped_lock lock(*in_use);
            store_.read_rows(index, rows, out);
        },
        reader_.catalogue());
}

std::vector<pruning::PrunedTensor> TensorStream::results() const {
    std::vector<std::uint64_t> wire;
    for (const pruning::PrunedTensor& tensor : results_) {
        wire.push_back(tensor.checksum);
        wire.push_back(static_cast<std::uint64_t>(tensor.zeros));
    }
    ranks_.all_reduce_sum(std::span(wire));
    std::vector<pruning::PrunedTensor> all(results_.size());
    for (std::size_t t = 0; t < all.size(); ++t) {
        all[t] = {wire[2 * t], static_cast<std::int64_t>(wire[2 * t + 1])};
    }
    return all;
}

std::vector<std::int64_t> TensorStream::matrix_zeros(
    std::span<const pruning::PrunedTensor> results) {
    const model::Catalogue& catalogue = reader_.catalogue();
    parallel::run_collectively(ranks_, [&] {
        for (int t = 0; t < static_cast<int>(catalogue.tensors.size()); ++t) {
            const int first = tensor(t).matrix;
            if (first < 0 || !catalogue.matrices[static_cast<std::size_t>(first)].is_slice() ||
                !store_.finished(t)) {
                continue;
            }
            parallel::for_each_slab(share(tensor(t)), tensor(t).row_bytes(),
                                    [&](parallel::RowRange rows) {
                                        support::check_stop();
                                        std::vector<std::byte>& bytes = room_for(tensor(t), rows);
                                        store_.read_rows(t, rows, bytes);
                                        count_zeros_in_slices(t, rows, bytes);
                                    });
        }
    });
    std::vector<std::int64_t> zeros = zeros_;
    ranks_.all_reduce_sum(std::span(zeros));
    for (std::size_t m = 0; m < zeros.size(); ++m) {
        const model::MatrixInfo& matrix = catalogue.matrices[m];
        if (!matrix.is_slice()) {
            zeros[m] = results[static_cast<std::size_t>(matrix.tensor)].zeros;
        }
    }
    return zeros;
}

}  // namespace alphaprune::phases
