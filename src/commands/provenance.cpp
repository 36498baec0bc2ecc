#include "provenance.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "alphaprune/cli/version.hpp"
#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/support/processor.hpp"
#include "model_source.hpp"

namespace alphaprune::commands {
namespace {

std::string processor_here() {
    return fmt::format("{}, {} kernels", support::processor_model(), linalg::vector_kernels());
}

/// All different ones of the ranks. Collective.
std::vector<std::string> all_of(const parallel::Communicator& ranks, const std::string& mine) {
    const std::vector<std::string> all = ranks.all_gather_texts(mine);
    const std::set<std::string> different(all.begin(), all.end());
    return {different.begin(), different.end()};
}

/// Adds a note for each part in which an earlier attempt differs.
void compare(const resume::Provenance& then, const resume::Provenance& now,
             std::vector<std::string>& notes) {
    const auto compare_one = [&](std::string_view what, const std::string& before,
                                 const std::string& today) {
        if (before != today) {
            notes.push_back(
                fmt::format("a part of this run was computed with another {} ({}) than "
                            "the rest ({}): the last bits may differ from those of a "
                            "run with one alone",
                            what, before, today));
        }
    };
    compare_one("version of the program", then.version, now.version);
    compare_one("build of the program", then.commit, now.commit);
    compare_one("type of processor", then.processor, now.processor);
    compare_one("BLAS", then.blas, now.blas);
}

}  // namespace

resume::Provenance provenance_here() {
    return {std::string(cli::program_version()), std::string(cli::program_commit()),
            processor_here(), linalg::blas_name()};
}

void tell_of_provenance(Job& job) {
    const resume::Provenance now = provenance_here();
    std::vector<std::string> notes;
    for (const auto& [what, mine] :
         {std::pair("types of processor", now.processor), std::pair("BLAS libraries", now.blas)}) {
        const std::vector<std::string> all = all_of(job.ranks, mine);
        if (all.size() > 1) {
            notes.push_back(
                fmt::format("the ranks have different {} ({}): the last bits of the "
                            "results may depend on which rank computed what",
                            what, fmt::join(all, "; ")));
        }
    }
    for (const resume::Provenance& then : job.journal->computed_by()) {
        compare(then, now, notes);
    }
    say_warnings(notes);
    job.note_said(notes);
}

}  // namespace alphaprune::commands
