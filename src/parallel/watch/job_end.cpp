#include "job_end.hpp"

#include <unistd.h>

#include <chrono>
#include <system_error>
#include <thread>

#include "alphaprune/support/log.hpp"
#include "launcher.hpp"

namespace alphaprune::parallel {
namespace {

using std::chrono::seconds;

void exit_soon(support::ExitStatus status) {
    try {
        std::thread([status] {
            std::this_thread::sleep_for(seconds(3));
            ::_exit(static_cast<int>(status));
        }).detach();
    } catch (const std::system_error&) {  // no memory for a thread: then MPI_Abort alone has to do
    }
}

}  // namespace

void JobEnd::say(const std::string& text) {
    if (said_.exchange(true)) {
        return;
    }
    support::say_past_the_log(text);
}

void JobEnd::leave(support::ExitStatus status) const {
    ::_exit(static_cast<int>(status));
}

void JobEnd::abort(support::ExitStatus status, EndLauncher launchers) {
    if (!aborted_.exchange(true)) {
        const auto launcher = find_launcher();
        if (launcher && (launchers == EndLauncher::any ||
                         (launchers == EndLauncher::mpirun && launcher->is_mpirun))) {
            end_launcher_later(*launcher);
        }
        exit_soon(status);
        ranks_.abort(static_cast<int>(status));
    }
    for (;;) {  // another thread of this process is at it
        std::this_thread::sleep_for(seconds(1));
    }
}

}  // namespace alphaprune::parallel
