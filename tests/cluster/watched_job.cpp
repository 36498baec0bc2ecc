// A job for the tests of the job watch: ranks that compute, communicate now and then, and do what
// the command line says. Usage: watched_job PEER_TIMEOUT_MS SECONDS [fail RANK]... [stop_file PATH]
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string_view>
#include <thread>

#include "alphaprune/parallel/job_watch.hpp"
#include "alphaprune/parallel/native_mpi.hpp"
#include "alphaprune/parallel/runtime.hpp"
#include "alphaprune/support/machine.hpp"
#include "alphaprune/support/stop.hpp"

namespace {

using namespace alphaprune;
using Clock = std::chrono::steady_clock;

/// Whether "WORD VALUE" stands on the command line; `value` empty: any.
const char* value_of(int argc, char** argv, std::string_view word, int nth = 0) {
    for (int i = 3; i + 1 < argc; i += 2) {
        if (argv[i] == word && nth-- == 0) {
            return argv[i + 1];
        }
    }
    return nullptr;
}

/// Something that keeps a core busy without MPI.
void compute(std::chrono::milliseconds time) {
    volatile double x = 1;
    for (const auto end = Clock::now() + time; Clock::now() < end;) {
        for (int i = 0; i < 1000; ++i) {
            x = x * 0.5 + 1;
        }
    }
}

bool fails(const parallel::Communicator& world, int argc, char** argv) {
    for (int nth = 0; const char* rank = value_of(argc, argv, "fail", nth); ++nth) {
        if (std::atoi(rank) == world.rank()) {
            return true;
        }
    }
    return false;
}

support::ExitStatus work(const parallel::Communicator& world, parallel::JobWatch& watch, int argc,
                         char** argv) {
    if (fails(world, argc, argv)) {
        watch.end_job(support::to_text({fmt::format("fault {}", world.rank()), "", ""}),
                      support::ExitStatus::bad_request);
    }
    const auto end = Clock::now() + std::chrono::milliseconds(1000 * std::atoi(argv[2]));
    for (bool more = true; more;) {
        compute(std::chrono::milliseconds(50));
        if (world.any(support::stop_requested())) {
            const std::string reason = support::stop_reason();
            for (const std::string& one : world.gather_texts(reason)) {
                fmt::print(stderr, "stopped: {}\n", one);
            }
            return support::ExitStatus::stopped;
        }
        more = world.any(Clock::now() < end);
    }
    return support::ExitStatus::done;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        return 2;
    }
    support::listen_for_stop_signals();
    parallel::continue_in_child();
    const parallel::MpiRuntime runtime(argc, argv);
    const parallel::Communicator world = parallel::view(MPI_COMM_WORLD);
    parallel::JobWatch watch(world, {std::chrono::milliseconds(std::atoi(argv[1]))});
    if (const char* file = value_of(argc, argv, "stop_file")) {
        watch.look_for_stop_file(file);
    }
    for (const std::string& line : world.gather_texts(fmt::format(
             "rank {} host {} pid {}", world.rank(), support::host_name(), ::getpid()))) {
        fmt::print("{}\n", line);
    }
    std::fflush(stdout);
    return static_cast<int>(work(world, watch, argc, argv));
}
