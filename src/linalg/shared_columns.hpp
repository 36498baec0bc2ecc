#pragma once

#include <cstdint>
#include <functional>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/parallel/thread_pool.hpp"

namespace alphaprune::linalg {

/// Calls work(col) for this rank's columns of so many, which the ranks of a node take in turn, as
/// those of a triangle differ in length; its threads take some of them at a time.
inline void share_columns(const parallel::Communicator& node, const parallel::ThreadPool& threads,
                          std::int64_t count, const std::function<void(std::int64_t col)>& work) {
    constexpr std::int64_t kAtATime = 16;
    const std::int64_t own = (count - node.rank() + node.size() - 1) / node.size();
    threads.run_slices(own, kAtATime, [&](parallel::RowRange some) {
        for (std::int64_t i = some.begin; i < some.end; ++i) {
            work(node.rank() + i * node.size());
        }
    });
}

}  // namespace alphaprune::linalg
