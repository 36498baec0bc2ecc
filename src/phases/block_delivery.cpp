#include "block_delivery.hpp"

#include <cstdint>
#include <system_error>
#include <utility>

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
                values += formats::count_values(runner.stored_rows(tensor, rows, room_),
                                                support::size_of(info.scalar_type()));
            });
        });
        const auto waiting = clock_.during(parallel::Work::wait);
        stream_.announce(tensor, mine, values);
    }
    parallel::work_collectively(ranks_, clock_, parallel::Work::write, [&] {
        parallel::for_each_slab(mine, info.row_bytes(), [&](parallel::RowRange rows) {
            const auto bytes = runner.stored_rows(tensor, rows, room_);
            if (bytes.data() == room_.data()) {
                write_put_off();  // first: there may be an order
                stream_.deliver(tensor, rows, bytes);
            } else {
                put_off_.push_back({tensor, rows, bytes});
            }
        });
    });
}

void BlockDelivery::write_put_off() {
    for (const PutOff& one : std::exchange(put_off_, {})) {
        stream_.deliver(one.tensor, one.rows, one.bytes);
    }
}

void BlockDelivery::begin_writing() {
    finish_writing();
    const auto write = [this] { write_put_off(); };
    try {
        writing_ = std::async(std::launch::async, write);
    } catch (const std::system_error&) {  // no thread to be had
        writing_ = std::async(std::launch::deferred, write);
    }
}

void BlockDelivery::finish_writing() {
    if (writing_.valid()) {  // on all ranks or none
        parallel::work_collectively(ranks_, clock_, parallel::Work::write, [&] { writing_.get(); });
    }
}

}  // namespace alphaprune::phases
