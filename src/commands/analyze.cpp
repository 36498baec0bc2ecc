#include "alphaprune/commands/commands.hpp"
#include "job.hpp"
#include "run_identity.hpp"

namespace alphaprune::commands {

support::ExitStatus analyze(const parallel::Communicator& ranks, const cli::Options& options,
                            parallel::JobWatch& watch) {
    constexpr std::uint64_t kReports = 8U << 20;
    Job job = read_model(ranks, options, watch);
    if (!open_output(job, identity_of_analysis(options, job.catalogue), 0,
                     bytes_of_spectra(job.catalogue) + kReports)) {
        return support::ExitStatus::done;
    }
    work_on(job, [&] {
        const phases::SpectrumResults spectra = measure_spectra(job);
        finish_job(job, &spectra);
    });
    return support::ExitStatus::done;
}

}  // namespace alphaprune::commands
