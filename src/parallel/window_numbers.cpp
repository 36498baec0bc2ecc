#include <mutex>

#include "shared_numbers.hpp"

namespace alphaprune::parallel {
namespace {

MPI_Op operation_of(SharedNumbers::Change change) {
    switch (change) {
        case SharedNumbers::Change::add:
            return MPI_SUM;
        case SharedNumbers::Change::replace:
            return MPI_REPLACE;
        case SharedNumbers::Change::none:
            break;
    }
    return MPI_NO_OP;
}

class WindowNumbers : public SharedNumbers {
  public:
    WindowNumbers(const Communicator& ranks, int count) {
        const MPI_Aint bytes =
            ranks.is_root() ? count * static_cast<MPI_Aint>(sizeof(std::int64_t)) : 0;
        check_mpi(MPI_Win_allocate(bytes, sizeof(std::int64_t), MPI_INFO_NULL, ranks.native(),
                                   &numbers_, &window_),
                  "MPI_Win_allocate");
        check_mpi(MPI_Win_set_errhandler(window_, MPI_ERRORS_RETURN), "MPI_Win_set_errhandler");
        check_mpi(MPI_Win_lock_all(MPI_MODE_NOCHECK, window_), "MPI_Win_lock_all");
        if (ranks.is_root()) {
            for (int number = 0; number < count; ++number) {
                update(number, 0, Change::replace);
            }
        }
        ranks.barrier();
    }
    ~WindowNumbers() override {
        static_cast<void>(MPI_Win_unlock_all(window_));
        static_cast<void>(MPI_Win_free(&window_));
    }

    std::int64_t update(int number, std::int64_t operand, Change change) final {
        const std::lock_guard one_at_a_time(mutex_);
        std::int64_t before = 0;
        check_mpi(MPI_Fetch_and_op(&operand, &before, MPI_INT64_T, 0, number, operation_of(change),
                                   window_),
                  "MPI_Fetch_and_op");
        check_mpi(MPI_Win_flush(0, window_), "MPI_Win_flush");
        return before;
    }

  private:
    std::mutex mutex_;
    std::int64_t* numbers_ = nullptr;
    MPI_Win window_ = MPI_WIN_NULL;
};

}  // namespace

std::unique_ptr<SharedNumbers> make_window_numbers(const Communicator& ranks, int count) {
    return std::make_unique<WindowNumbers>(ranks, count);
}

}  // namespace alphaprune::parallel
