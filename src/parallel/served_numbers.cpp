#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <thread>

#include "alphaprune/parallel/runtime.hpp"
#include "alphaprune/support/log.hpp"
#include "own_numbers.hpp"
#include "shared_numbers.hpp"

namespace alphaprune::parallel {
namespace {

enum Tag : int { kQuestion, kAnswer };
using Question = std::array<std::int64_t, 3>;  ///< number, operand, change

/// The numbers themselves and the thread that answers the other ranks' questions.
class Server {
  public:
    Server(const Communicator& ranks, int count)
        : ranks_(ranks), numbers_(count), thread_([this] { run(); }) {}
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server() {
        finished_ = true;
        thread_.join();
    }

    std::int64_t update(const Question& question) {
        return numbers_.update(static_cast<int>(question[0]), question[1],
                               static_cast<SharedNumbers::Change>(question[2]));
    }

  private:
    /// An error here would leave the other ranks waiting for answers: it ends the job.
    void run() {
        try {
            while (!finished_) {
                while (answer_one()) {
                }
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
        } catch (const support::Error& error) {
            support::say_past_the_log(error.what());
            ranks_.abort(static_cast<int>(support::ExitStatus::failed));
        }
    }

    bool answer_one() {
        int arrived = 0;
        MPI_Message message = MPI_MESSAGE_NULL;
        MPI_Status status;
        check_mpi(
            MPI_Improbe(MPI_ANY_SOURCE, kQuestion, ranks_.native(), &arrived, &message, &status),
            "MPI_Improbe");
        if (arrived == 0) {
            return false;
        }
        Question question{};
        check_mpi(MPI_Mrecv(question.data(), static_cast<int>(question.size()), MPI_INT64_T,
                            &message, MPI_STATUS_IGNORE),
                  "MPI_Mrecv");
        const std::int64_t answer = update(question);
        check_mpi(MPI_Send(&answer, 1, MPI_INT64_T, status.MPI_SOURCE, kAnswer, ranks_.native()),
                  "MPI_Send");
        return true;
    }

    const Communicator& ranks_;
    OwnNumbers numbers_;
    std::atomic<bool> finished_ = false;
    std::thread thread_;  // the last member: it uses the others
};

class ServedNumbers : public SharedNumbers {
  public:
    ServedNumbers(const Communicator& ranks, int count) : ranks_(ranks.duplicate()) {
        if (ranks_.is_root()) {
            server_.emplace(ranks_, count);
        }
    }
    ~ServedNumbers() override {
        try {
            ranks_.barrier();              // nobody has a question any more
        } catch (const support::Error&) {  // MPI has failed: whoever needs it next says so
        }
    }

    std::int64_t update(int number, std::int64_t operand, Change change) final {
        const Question question{number, operand, static_cast<std::int64_t>(change)};
        if (server_) {
            return server_->update(question);
        }
        const std::lock_guard one_at_a_time(mutex_);
        std::int64_t before = 0;
        check_mpi(MPI_Sendrecv(question.data(), static_cast<int>(question.size()), MPI_INT64_T, 0,
                               kQuestion, &before, 1, MPI_INT64_T, 0, kAnswer, ranks_.native(),
                               MPI_STATUS_IGNORE),
                  "MPI_Sendrecv");
        return before;
    }

  private:
    Communicator ranks_;
    std::mutex mutex_;
    std::optional<Server> server_;  // only on rank 0
};

}  // namespace

std::unique_ptr<SharedNumbers> make_served_numbers(const Communicator& ranks, int count) {
    return std::make_unique<ServedNumbers>(ranks, count);
}

std::unique_ptr<SharedNumbers> make_shared_numbers(const Communicator& ranks, int count) {
    if (ranks.size() == 1) {
        return std::make_unique<OwnNumbers>(count);
    }
    const bool several_nodes = ranks.any(ranks.split_by_node().size() < ranks.size());
    return several_nodes && supports_threads() ? make_served_numbers(ranks, count)
                                               : make_window_numbers(ranks, count);
}

}  // namespace alphaprune::parallel
