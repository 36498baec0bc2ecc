#include "alphaprune/parallel/agreement.hpp"
#include "job.hpp"
#include "output_folder.hpp"

namespace alphaprune::commands {

void work_on(const Job& job, const std::function<void()>& work) {
    try {
        work();
    } catch (const support::Error& error) {
        if (error.agreed() && error.status() == support::ExitStatus::bad_request) {
            parallel::together(job.ranks, [&] {
                if (job.ranks.is_root() && !resume::Journal::holds_work(job.options.output)) {
                    discard_unfinished_run(job.options);
                }
            });
        }
        throw;
    }
}

}  // namespace alphaprune::commands
