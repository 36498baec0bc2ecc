#include "alphaprune/parallel/agreement.hpp"
#include "job.hpp"
#include "output_folder.hpp"

namespace alphaprune {

void work_on(const Job& job, const std::function<void()>& work) {
    try {
        work();
    } catch (const Error& error) {
        if (error.agreed() && error.status() == ExitStatus::bad_request) {
            together(job.ranks, [&] {
                if (job.ranks.is_root() && !Journal::holds_work(job.options.output)) {
                    discard_unfinished_run(job.options);
                }
            });
        }
        throw;
    }
}

}  // namespace alphaprune
