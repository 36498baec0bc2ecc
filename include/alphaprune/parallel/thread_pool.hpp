#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "alphaprune/parallel/share.hpp"

namespace alphaprune::parallel {

/// Threads of this process that work on pieces of one job after another. The thread that gives the
/// job is one of them.
class ThreadPool {
  public:
    /// @param threads  in all, at least one: the caller and as many more as that takes
    /// @param prepare  run first by each of the others; may be empty
    explicit ThreadPool(int threads, const std::function<void()>& prepare = {});
    ThreadPool(ThreadPool&& other) noexcept;
    ThreadPool& operator=(ThreadPool&& other) noexcept;
    ~ThreadPool();

    /// The caller alone.
    static const ThreadPool& single();

    int size() const { return size_; }

    /// Calls work(item, thread) once for each item from 0 to `count`, each as soon as a thread is
    /// free for it; returns when all are done. What one call throws, this throws; items that nobody
    /// has begun by then are left out. One job at a time.
    /// @param work  gets the number of its thread, from 0 to size()
    void run(std::int64_t count,
             const std::function<void(std::int64_t item, int thread)>& work) const;
    /// The same by slices of 0 to `size`, each of `slice` values except the last.
    void run_slices(std::int64_t size, std::int64_t slice,
                    const std::function<void(RowRange range)>& work) const;

  private:
    class Helpers;
    int size_;
    std::unique_ptr<Helpers> helpers_;  ///< none where the caller is alone
};

}  // namespace alphaprune::parallel
