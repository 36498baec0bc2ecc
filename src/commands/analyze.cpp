#include "alphaprune/commands/commands.hpp"
#include "job.hpp"

namespace alphaprune {

ExitStatus analyze(const Communicator& ranks, const Options& options) {
    constexpr std::uint64_t kReports = 8U << 20;
    Job job = read_model(ranks, options);
    open_output(job, kReports);
    const SpectrumResults spectra = measure_spectra(job);
    finish_job(job, &spectra);
    return ExitStatus::done;
}

}  // namespace alphaprune
