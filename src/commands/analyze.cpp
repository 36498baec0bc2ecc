#include "alphaprune/commands/commands.hpp"
#include "job.hpp"
#include "run_identity.hpp"

namespace alphaprune {

ExitStatus analyze(const Communicator& ranks, const Options& options, JobWatch& watch) {
    constexpr std::uint64_t kReports = 8U << 20;
    Job job = read_model(ranks, options, watch);
    if (!open_output(job, identity_of_analysis(options, job.catalogue), 0,
                     bytes_of_spectra(job.catalogue) + kReports)) {
        return ExitStatus::done;
    }
    work_on(job, [&] {
        const SpectrumResults spectra = measure_spectra(job);
        finish_job(job, &spectra);
    });
    return ExitStatus::done;
}

}  // namespace alphaprune
