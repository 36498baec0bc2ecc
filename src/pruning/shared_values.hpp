#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "alphaprune/parallel/share.hpp"
#include "alphaprune/parallel/thread_pool.hpp"

namespace alphaprune::pruning {

/// Values for which a thread is worth its while, and that a second cache holds.
inline constexpr std::int64_t kValuesAtATime = 32768;

/// Calls work(i) for each i below `size`, in order within slices that the threads take.
/// @param work  best captures by value: then it is vectorized whatever it writes to
template <class Work>
void share_values(const parallel::ThreadPool& threads, std::size_t size, const Work& work) {
    threads.run_slices(static_cast<std::int64_t>(size), kValuesAtATime,
                       [&](parallel::RowRange some) {
                           const Work own = work;  // that nothing written can be a part of
                           const auto end = static_cast<std::size_t>(some.end);
                           for (auto i = static_cast<std::size_t>(some.begin); i < end; ++i) {
                               own(i);
                           }
                       });
}

/// Calls work(first value, number of values) for slices of row-major rows that the threads take.
template <class Work>
void share_rows(const parallel::ThreadPool& threads, std::int64_t rows, std::int64_t cols,
                const Work& work) {
    const std::int64_t at_a_time = std::max<std::int64_t>(kValuesAtATime / cols, 1);
    threads.run_slices(rows, at_a_time, [&](parallel::RowRange some) {
        work(static_cast<std::size_t>(some.begin * cols),
             static_cast<std::size_t>(some.size() * cols));
    });
}

}  // namespace alphaprune::pruning
