#include "alphaprune/parallel/thread_pool.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace alphaprune::parallel {

/// The threads besides the caller, which sleep between jobs.
class ThreadPool::Helpers {
  public:
    using Work = std::function<void(std::int64_t, int)>;

    Helpers(int count, const std::function<void()>& prepare) {
        for (int thread = 1; thread <= count; ++thread) {
            threads_.emplace_back([this, thread, prepare](const std::stop_token& stop) {
                if (prepare) {
                    prepare();
                }
                serve(stop, thread);
            });
        }
    }

    void run(std::int64_t count, const Work& work) {
        {
            const std::scoped_lock lock(mutex_);
            work_ = &work;
            count_ = count;
            next_ = 0;
            error_ = nullptr;
            busy_ = static_cast<int>(threads_.size());
            ++job_;
        }
        begun_.notify_all();
        take_items(0);
        std::unique_lock lock(mutex_);
        finished_.wait(lock, [&] { return busy_ == 0; });
        if (error_) {
            std::rethrow_exception(error_);
        }
    }

  private:
    void serve(const std::stop_token& stop, int thread) {
        std::int64_t done = 0;
        std::unique_lock lock(mutex_);
        while (begun_.wait(lock, stop, [&] { return job_ != done; })) {
            done = job_;
            lock.unlock();
            take_items(thread);
            lock.lock();
            if (--busy_ == 0) {
                finished_.notify_one();
            }
        }
    }

    void take_items(int thread) {
        try {
            for (std::int64_t item = next_++; item < count_; item = next_++) {
                (*work_)(item, thread);
            }
        } catch (...) {
            next_ = count_;  // the others begin no more
            const std::scoped_lock lock(mutex_);
            error_ = error_ ? error_ : std::current_exception();
        }
    }

    std::mutex mutex_;
    std::condition_variable_any begun_;
    std::condition_variable finished_;
    const Work* work_ = nullptr;
    std::int64_t count_ = 0;
    std::atomic<std::int64_t> next_ = 0;
    std::int64_t job_ = 0;  ///< how many there were
    int busy_ = 0;
    std::exception_ptr error_;
    std::vector<std::jthread> threads_;  // the last member: they use the others
};

ThreadPool::ThreadPool(int threads, const std::function<void()>& prepare)
    : size_(std::max(threads, 1)),
      helpers_(size_ > 1 ? std::make_unique<Helpers>(size_ - 1, prepare) : nullptr) {}
ThreadPool::ThreadPool(ThreadPool&& other) noexcept = default;
ThreadPool& ThreadPool::operator=(ThreadPool&& other) noexcept = default;
ThreadPool::~ThreadPool() = default;

const ThreadPool& ThreadPool::single() {
    static const ThreadPool alone(1);
    return alone;
}

void ThreadPool::run(std::int64_t count, const std::function<void(std::int64_t, int)>& work) const {
    if (helpers_ && count > 1) {
        helpers_->run(count, work);
        return;
    }
    for (std::int64_t item = 0; item < count; ++item) {
        work(item, 0);
    }
}

void ThreadPool::run_slices(std::int64_t size, std::int64_t slice,
                            const std::function<void(RowRange)>& work) const {
    run((size + slice - 1) / slice, [&](std::int64_t item, int) {
        work({item * slice, std::min((item + 1) * slice, size)});
    });
}

}  // namespace alphaprune::parallel
