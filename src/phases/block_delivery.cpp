#include "block_delivery.hpp"

#include <cstdint>

#include "alphaprune/formats/bitmask.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/scalar.hpp"

namespace alphaprune::phases {

void BlockDelivery::deliver(transformer::BlockRunner& runner, int tensor) {
    if (!stream_.announces(tensor)) {
        write(runner, tensor);
        return;
    }
    waiting_.insert(tensor);
    for (; next_ < order_.size(); ++next_) {
        const int first = order_[next_];
        if (store_.finished(first)) {
            continue;
        }
        if (waiting_.erase(first) == 0) {
            return;
        }
        write(runner, first);
    }
}

void BlockDelivery::write(transformer::BlockRunner& runner, int tensor) {
    const model::TensorInfo& info = stream_.tensor(tensor);
    const parallel::RowRange mine = stream_.share(info);
    if (stream_.announces(tensor)) {
        std::uint64_t values = 0;
        parallel::work_collectively(ranks_, clock_, parallel::Work::write, [&] {
            parallel::for_each_slab(mine, info.row_bytes(), [&](parallel::RowRange rows) {
                values += formats::count_values(stored(runner, tensor, rows),
                                                support::size_of(info.scalar_type()));
            });
        });
        const auto waiting = clock_.during(parallel::Work::wait);
        stream_.announce(tensor, mine, values);
    }
    parallel::work_collectively(ranks_, clock_, parallel::Work::write, [&] {
        parallel::for_each_slab(mine, info.row_bytes(), [&](parallel::RowRange rows) {
            stream_.deliver(tensor, rows, stored(runner, tensor, rows));
        });
    });
}

std::span<const std::byte> BlockDelivery::stored(transformer::BlockRunner& runner, int tensor,
                                                 parallel::RowRange rows) {
    const model::TensorInfo& info = stream_.tensor(tensor);
    values_.resize(static_cast<std::size_t>(rows.size() * info.row_length()));
    runner.stored_rows(tensor, rows, values_);
    std::vector<std::byte>& bytes = stream_.room_for(info, rows);
    support::narrow(values_, info.scalar_type(), bytes);
    return bytes;
}

}  // namespace alphaprune::phases
