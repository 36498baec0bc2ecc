#include "alphaprune/commands/commands.hpp"
#include "job.hpp"

namespace alphaprune {
namespace {

std::uint64_t analyze_output_size(const Catalogue&) {
    constexpr std::uint64_t kReports = 8U << 20;
    return kReports;
}

}  // namespace

ExitStatus analyze(const Communicator& ranks, const Options& options) {
    Job job = begin_job(ranks, options, analyze_output_size);
    const SpectrumResults spectra = measure_spectra(job);
    finish_job(job, &spectra);
    return ExitStatus::done;
}

}  // namespace alphaprune
