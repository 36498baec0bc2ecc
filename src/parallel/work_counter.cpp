#include "alphaprune/parallel/work_counter.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "alphaprune/parallel/native_mpi.hpp"
#include "alphaprune/parallel/runtime.hpp"
#include "alphaprune/support/log.hpp"

namespace alphaprune::parallel {
namespace {

/// The counters of a rank alone, in its own memory, without MPI.
class LocalCounters : public SharedCounters {
  public:
    explicit LocalCounters(int count) : counters_(static_cast<std::size_t>(count)) {}

    std::int64_t add(int counter, std::int64_t value) final {
        return counters_.at(static_cast<std::size_t>(counter)).fetch_add(value);
    }

  private:
    std::vector<std::atomic<std::int64_t>> counters_;
};

class WindowCounters : public SharedCounters {
  public:
    WindowCounters(const Communicator& ranks, int count) {
        const int own = ranks.is_root() ? count : 0;
        check_mpi(MPI_Win_allocate(own * static_cast<MPI_Aint>(sizeof(std::int64_t)),
                                   sizeof(std::int64_t), MPI_INFO_NULL, native(ranks), &counters_,
                                   &window_),
                  "MPI_Win_allocate");
        check_mpi(MPI_Win_set_errhandler(window_, MPI_ERRORS_RETURN), "MPI_Win_set_errhandler");
        check_mpi(MPI_Win_lock_all(MPI_MODE_NOCHECK, window_), "MPI_Win_lock_all");
        std::fill_n(counters_, own, 0);
        check_mpi(MPI_Win_sync(window_), "MPI_Win_sync");
        ranks.barrier();
    }
    ~WindowCounters() override {
        static_cast<void>(MPI_Win_unlock_all(window_));
        static_cast<void>(MPI_Win_free(&window_));
    }

    std::int64_t add(int counter, std::int64_t value) final {
        const std::lock_guard one_at_a_time(mutex_);
        std::int64_t before = 0;
        check_mpi(MPI_Fetch_and_op(&value, &before, MPI_INT64_T, 0, counter, MPI_SUM, window_),
                  "MPI_Fetch_and_op");
        check_mpi(MPI_Win_flush(0, window_), "MPI_Win_flush");
        return before;
    }

  private:
    std::mutex mutex_;
    std::int64_t* counters_ = nullptr;
    MPI_Win window_ = MPI_WIN_NULL;
};

enum Tag : int { kRequest, kReply };
using Request = std::array<std::int64_t, 2>;  ///< counter, value

/// The counters themselves are on rank 0, with a thread that replies to the requests of the other
/// ranks.
class ServedCounters : public SharedCounters {
  public:
    ServedCounters(const Communicator& ranks, int count)
        : ranks_(ranks.duplicate()), counters_(count) {
        if (ranks_.is_root()) {
            server_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
        }
    }
    ~ServedCounters() override {
        try {
            ranks_.barrier();              // nobody has a request any more
        } catch (const support::Error&) {  // MPI has failed: whoever needs it next says so
        }
    }

    std::int64_t add(int counter, std::int64_t value) final {
        if (ranks_.is_root()) {
            return counters_.add(counter, value);
        }
        const std::lock_guard one_at_a_time(mutex_);
        const Request request{counter, value};
        std::int64_t before = 0;
        check_mpi(
            MPI_Sendrecv(request.data(), static_cast<int>(request.size()), MPI_INT64_T, 0, kRequest,
                         &before, 1, MPI_INT64_T, 0, kReply, native(ranks_), MPI_STATUS_IGNORE),
            "MPI_Sendrecv");
        return before;
    }

  private:
    /// An error here would leave the other ranks waiting for replies: it ends the job.
    void serve(const std::stop_token& stop) {
        try {
            while (!stop.stop_requested()) {
                while (reply_to_one()) {
                }
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
        } catch (const support::Error& error) {
            support::write_to_stderr(error.what());
            ranks_.abort(static_cast<int>(support::ExitStatus::failed));
        }
    }

    bool reply_to_one() {
        int arrived = 0;
        MPI_Message message = MPI_MESSAGE_NULL;
        MPI_Status status;
        check_mpi(
            MPI_Improbe(MPI_ANY_SOURCE, kRequest, native(ranks_), &arrived, &message, &status),
            "MPI_Improbe");
        if (arrived == 0) {
            return false;
        }
        Request request{};
        check_mpi(MPI_Mrecv(request.data(), static_cast<int>(request.size()), MPI_INT64_T, &message,
                            MPI_STATUS_IGNORE),
                  "MPI_Mrecv");
        const std::int64_t reply = counters_.add(static_cast<int>(request[0]), request[1]);
        check_mpi(MPI_Send(&reply, 1, MPI_INT64_T, status.MPI_SOURCE, kReply, native(ranks_)),
                  "MPI_Send");
        return true;
    }

    Communicator ranks_;
    std::mutex mutex_;
    LocalCounters counters_;
    std::jthread server_;  // the last member: it uses the others
};

}  // namespace

std::unique_ptr<SharedCounters> make_window_counters(const Communicator& ranks, int count) {
    return std::make_unique<WindowCounters>(ranks, count);
}

std::unique_ptr<SharedCounters> make_served_counters(const Communicator& ranks, int count) {
    return std::make_unique<ServedCounters>(ranks, count);
}

std::unique_ptr<SharedCounters> make_shared_counters(const Communicator& ranks, int count) {
    if (ranks.size() == 1) {
        return std::make_unique<LocalCounters>(count);
    }
    const bool several_nodes = ranks.any(ranks.split_by_node().size() < ranks.size());
    return several_nodes && supports_threads() ? make_served_counters(ranks, count)
                                               : make_window_counters(ranks, count);
}

}  // namespace alphaprune::parallel
