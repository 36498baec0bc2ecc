#include "background_thread.hpp"

#include <utility>

#include "alphaprune/linalg/arithmetic.hpp"

namespace alphaprune::phases {

std::future<void> BackgroundThread::start(std::function<void()> task) {
    std::packaged_task<void()> packaged(std::move(task));
    std::future<void> done = packaged.get_future();
    {
        const std::scoped_lock lock(mutex_);
        waiting_.push_back(std::move(packaged));
    }
    arrived_.notify_one();
    return done;
}

void BackgroundThread::work(const std::stop_token& stop) {
    linalg::use_one_blas_thread();
    std::unique_lock lock(mutex_);
    while (arrived_.wait(lock, stop, [&] { return !waiting_.empty(); }) && !stop.stop_requested()) {
        std::packaged_task<void()> task = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        task();
        lock.lock();
    }
}

}  // namespace alphaprune::phases
