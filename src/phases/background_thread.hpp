#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include "alphaprune/linalg/arithmetic.hpp"

namespace alphaprune::phases {

/// One background thread that does what it is given, in that order: reading and writing,
/// while the main thread computes and talks to the other ranks. Tasks must not communicate. Tasks
/// that have not begun when the object dies are dropped; one that has is waited for.
class BackgroundThread {
  public:
    BackgroundThread() : thread_([this](const std::stop_token& stop) { work(stop); }) {}
    BackgroundThread(const BackgroundThread&) = delete;
    BackgroundThread& operator=(const BackgroundThread&) = delete;

    /// The future is ready when the task is done, and holds what it threw.
    std::future<void> start(std::function<void()> task) {
        std::packaged_task<void()> packaged(std::move(task));
        std::future<void> done = packaged.get_future();
        {
            const std::scoped_lock lock(mutex_);
            waiting_.push_back(std::move(packaged));
        }
        arrived_.notify_one();
        return done;
    }

  private:
    void work(const std::stop_token& stop) {
        linalg::use_one_blas_thread();
        std::unique_lock lock(mutex_);
        while (arrived_.wait(lock, stop, [&] { return !waiting_.empty(); }) &&
               !stop.stop_requested()) {
            std::packaged_task<void()> task = std::move(waiting_.front());
            waiting_.pop_front();
            lock.unlock();
            task();
            lock.lock();
        }
    }

    std::mutex mutex_;
    std::condition_variable_any arrived_;
    std::deque<std::packaged_task<void()>> waiting_;
    std::jthread thread_;  // the last member: it uses the others
};

}  // namespace alphaprune::phases
