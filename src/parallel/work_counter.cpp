#include "alphaprune/parallel/work_counter.hpp"

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <thread>

namespace alphaprune {
namespace {

enum Slot : MPI_Aint { kDone, kAlarm, kFirstList };

/// Over a network, one-sided operations on rank 0 advance only while rank 0 is inside MPI, and it
/// may sit in an eigensolver for minutes. This thread looks into MPI for it every millisecond.
class ProgressThread {
  public:
    explicit ProgressThread(const Communicator& ranks)
        : ranks_(ranks.duplicate()), thread_([this] { run(); }) {}
    ~ProgressThread() {
        finished_ = true;
        thread_.join();
    }
    ProgressThread(const ProgressThread&) = delete;
    ProgressThread& operator=(const ProgressThread&) = delete;

  private:
    void run() const {
        while (!finished_) {
            int arrived = 0;
            MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, ranks_.native(), &arrived, MPI_STATUS_IGNORE);
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }

    Communicator ranks_;
    std::atomic<bool> finished_ = false;
    std::thread thread_;
};

}  // namespace

struct WorkCounter::Window {
    Window(const Communicator& ranks, int lists) : owner(ranks.is_root()) {
        const MPI_Aint count = kFirstList + lists;
        const MPI_Aint bytes = owner ? count * static_cast<MPI_Aint>(sizeof(std::int64_t)) : 0;
        MPI_Win_allocate(bytes, sizeof(std::int64_t), MPI_INFO_NULL, ranks.native(), &slots,
                         &handle);
        MPI_Win_lock_all(MPI_MODE_NOCHECK, handle);
        if (owner) {
            for (MPI_Aint slot = 0; slot < count; ++slot) {
                update(slot, 0, MPI_REPLACE);
            }
        }
        ranks.barrier();
        const bool several_nodes = ranks.split_by_node().size() < ranks.size();
        int threads = MPI_THREAD_SINGLE;
        MPI_Query_thread(&threads);
        if (ranks.any(several_nodes) && threads == MPI_THREAD_MULTIPLE) {
            progress.emplace(ranks);
        }
    }
    Window(const Window&) = delete;
    Window& operator=(const Window&) = delete;
    ~Window() {
        MPI_Win_unlock_all(handle);
        MPI_Win_free(&handle);  // waits for all ranks; the progress thread is still serving them
    }

    std::int64_t update(MPI_Aint slot, std::int64_t operand, MPI_Op operation) {
        const std::lock_guard one_at_a_time(mutex);
        std::int64_t before = 0;
        MPI_Fetch_and_op(&operand, &before, MPI_INT64_T, 0, slot, operation, handle);
        MPI_Win_flush(0, handle);
        return before;
    }

    bool owner;
    std::mutex mutex;
    std::int64_t* slots = nullptr;
    MPI_Win handle = MPI_WIN_NULL;
    std::optional<ProgressThread> progress;
};

WorkCounter::WorkCounter(const Communicator& ranks, int lists)
    : window_(std::make_unique<Window>(ranks, lists)) {}
WorkCounter::WorkCounter(WorkCounter&&) noexcept = default;
WorkCounter& WorkCounter::operator=(WorkCounter&&) noexcept = default;
WorkCounter::~WorkCounter() = default;

std::int64_t WorkCounter::next(int list) {
    return window_->update(kFirstList + list, 1, MPI_SUM);
}
void WorkCounter::item_done() {
    window_->update(kDone, 1, MPI_SUM);
}
std::int64_t WorkCounter::items_done() const {
    return window_->update(kDone, 0, MPI_NO_OP);
}
void WorkCounter::raise_alarm() {
    window_->update(kAlarm, 1, MPI_REPLACE);
}
bool WorkCounter::alarm() const {
    return window_->update(kAlarm, 0, MPI_NO_OP) != 0;
}

}  // namespace alphaprune
