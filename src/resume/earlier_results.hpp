#pragma once

#include <cstdint>
#include <filesystem>

#include "alphaprune/resume/journal.hpp"
#include "journal_records.hpp"

namespace alphaprune::resume {

/// What the files of a journal hold. Collective: the ranks share the files out, and the results
/// meet on all of them. Files and records that are damaged are passed over, and said so.
/// @param run        the run the files must belong to
/// @param sequences  calibration sequences of the run
EarlierResults read_earlier_results(const parallel::Communicator& ranks,
                                    const model::Catalogue& catalogue,
                                    const std::filesystem::path& journal, std::uint64_t run,
                                    std::int64_t sequences);

/// The tensors all of whose rows are among these: for each, the sum over some records that cover
/// every row once.
std::vector<std::optional<pruning::PrunedTensor>> complete_tensors(
    const model::Catalogue& catalogue, std::vector<WrittenRows> rows);

}  // namespace alphaprune::resume
