#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <unordered_map>

#include "alphaprune/parallel/agreement.hpp"
#include "journal_files.hpp"
#include "journal_records.hpp"

namespace alphaprune::resume {
namespace {

namespace fs = std::filesystem;

std::unordered_map<std::string, int> matrices_by_name(const model::Catalogue& catalogue) {
    std::unordered_map<std::string, int> matrices;
    for (std::size_t m = 0; m < catalogue.matrices.size(); ++m) {
        matrices[catalogue.name_of(catalogue.matrices[m])] = static_cast<int>(m);
    }
    return matrices;
}

/// What one rank reads of the journal.
class JournalFileReader {
  public:
    JournalFileReader(const model::Catalogue& catalogue, const fs::path& journal, std::uint64_t run)
        : journal_(journal), run_(run), matrices_(matrices_by_name(catalogue)) {}

    void read_records(const std::string& name) {
        for_each_record(name, [&](const formats::Record& record) {
            if (auto named = read_record(record, facts)) {
                if (const auto matrix = matrices_.find(named->name); matrix != matrices_.end()) {
                    spectra.insert_or_assign(matrix->second, std::move(named->known));
                }
            }
        });
    }

    void read_states(const StatesFile& file) {
        for_each_record(file.name, [&](const formats::Record& record) {
            facts.states.push_back(
                {file.pass, file.block, sequence_of(record), {file.name, record.place}});
        });
    }

    std::map<int, KnownSpectrum> spectra;
    RecordedFacts facts;

  private:
    /// Damage ends what is read of a file. @throws Error when the file itself cannot be read
    template <class Use>
    void for_each_record(const std::string& name, Use use) {
        formats::RecordLogReader reader(journal_ / name, run_);
        std::string damage;
        while (damage.empty()) {
            const auto record = reader.next();
            if (!record) {
                damage = reader.damage();
                break;
            }
            try {
                use(*record);
            } catch (const support::Error& error) {
                damage = error.faults().front().what;
            }
        }
        if (!damage.empty()) {
            facts.damage.push_back(fmt::format("{}: {}; what follows there is done again",
                                               (journal_ / name).string(), damage));
        }
    }

    const fs::path& journal_;
    std::uint64_t run_;
    std::unordered_map<std::string, int> matrices_;
};

/// A record in its place may still say what cannot be. @param written  of a tensor that there is
bool is_possible(const WrittenRows& written, const model::Catalogue& catalogue) {
    const model::TensorInfo& tensor = catalogue.tensors[static_cast<std::size_t>(written.tensor)];
    const auto [begin, end] = written.rows;
    return begin >= 0 && begin < end && end <= tensor.rows() && written.part.zeros >= 0 &&
           written.part.zeros <= (end - begin) * tensor.row_length();
}

/// The states at the latest block that are there for all sequences.
std::map<StatePass, SavedStates> latest_states(const std::vector<FoundState>& found,
                                               std::int64_t sequences) {
    std::map<std::pair<StatePass, int>, std::map<std::int64_t, SavedState>> by_block;
    for (const FoundState& state : found) {
        if (state.sequence >= 0 && state.sequence < sequences) {
            by_block[{state.pass, state.block}].insert_or_assign(state.sequence, state.state);
        }
    }
    std::map<StatePass, SavedStates> latest;
    for (const auto& [place, states] : by_block) {  // ascending blocks
        if (static_cast<std::int64_t>(states.size()) == sequences) {
            SavedStates& saved = latest[place.first];
            saved = {place.second, {}};
            for (const auto& [sequence, state] : states) {
                saved.sequences.push_back(state);
            }
        }
    }
    return latest;
}

EarlierResults results_of(const RecordedFacts& facts, const model::Catalogue& catalogue,
                          std::int64_t sequences) {
    EarlierResults results;
    const auto matrices = matrices_by_name(catalogue);
    for (const auto& [name, alpha] : facts.farms) {
        if (const auto matrix = matrices.find(name); matrix != matrices.end()) {
            results.farms[matrix->second] = alpha;
        }
    }
    for (const auto& [name, fit] : facts.fits) {
        if (const auto matrix = matrices.find(name); matrix != matrices.end()) {
            results.fits[matrix->second] = fit;
        }
    }
    results.outliers.insert(facts.outliers.begin(), facts.outliers.end());
    results.trials.insert(facts.trials.begin(), facts.trials.end());
    for (const auto& [block, note] : facts.notes) {
        std::vector<std::string>& notes = results.notes[block];
        if (std::ranges::find(notes, note) == notes.end()) {
            notes.push_back(note);
        }
    }
    results.perplexities = facts.perplexities;
    results.tensors = complete_tensors(catalogue, facts.rows);
    results.states = latest_states(facts.states, sequences);
    results.damage = facts.damage;
    return results;
}

/// What all ranks have read, on all of them. Rows go out again as complete tensors only: there may
/// be many more of them than ranks need to know.
RecordedFacts merged(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
                     const RecordedFacts& mine) {
    const std::vector<std::string> all = ranks.gather_texts(packed(mine));
    RecordedFacts facts;
    for (const std::string& text : all) {
        unpack_into(facts, text);
    }
    const auto complete = complete_tensors(catalogue, std::move(facts.rows));
    facts.rows.clear();
    for (std::size_t t = 0; t < complete.size(); ++t) {
        if (complete[t]) {
            facts.rows.push_back(
                {static_cast<int>(t), {0, catalogue.tensors[t].rows()}, *complete[t]});
        }
    }
    const std::string text = ranks.broadcast_text(ranks.is_root() ? packed(facts) : "");
    RecordedFacts everywhere;
    unpack_into(everywhere, text);
    return everywhere;
}

/// Each matrix stays on one rank only, should two have read it.
void settle_owners(const parallel::Communicator& ranks, std::size_t matrices,
                   std::map<int, KnownSpectrum>& spectra, std::vector<bool>& known) {
    std::vector<int> owner(matrices, ranks.size());
    for (auto& [matrix, spectrum] : spectra) {
        owner[static_cast<std::size_t>(matrix)] = ranks.rank();
    }
    ranks.all_reduce_min(std::span(owner));
    std::erase_if(spectra, [&](const auto& entry) {
        return owner[static_cast<std::size_t>(entry.first)] != ranks.rank();
    });
    known.clear();
    for (const int rank : owner) {
        known.push_back(rank < ranks.size());
    }
}

}  // namespace

std::vector<std::optional<pruning::PrunedTensor>> complete_tensors(
    const model::Catalogue& catalogue, std::vector<WrittenRows> rows) {
    std::vector<std::optional<pruning::PrunedTensor>> complete(catalogue.tensors.size());
    std::ranges::stable_sort(rows, {}, [](const WrittenRows& written) {
        return std::tuple(written.tensor, written.rows.begin);
    });
    std::map<std::int64_t, pruning::PrunedTensor> reached;  // by the row that comes next
    int tensor = -1;
    for (const WrittenRows& written : rows) {
        if (written.tensor < 0 || written.tensor >= static_cast<int>(complete.size())) {
            continue;
        }
        if (written.tensor != tensor) {
            tensor = written.tensor;
            reached = {{0, {}}};
        }
        const auto before = reached.find(written.rows.begin);
        if (before == reached.end() || !is_possible(written, catalogue)) {
            continue;
        }
        const pruning::PrunedTensor sum{before->second.checksum + written.part.checksum,
                                        before->second.zeros + written.part.zeros};
        reached.try_emplace(written.rows.end, sum);
        const auto number = static_cast<std::size_t>(tensor);
        if (written.rows.end == catalogue.tensors[number].rows()) {
            complete[number] = reached.at(written.rows.end);
        }
    }
    return complete;
}

EarlierResults read_earlier_results(const parallel::Communicator& ranks,
                                    const model::Catalogue& catalogue, const fs::path& journal,
                                    std::uint64_t run, std::int64_t sequences) {
    const JournalFiles files = parallel::run_collectively(ranks, [&] { return files_in(journal); });
    JournalFileReader reader(catalogue, journal, run);
    parallel::run_collectively(ranks, [&] {
        const auto step = static_cast<std::size_t>(ranks.size());
        const auto mine = static_cast<std::size_t>(ranks.rank());
        for (std::size_t i = mine; i < files.records.size(); i += step) {
            reader.read_records(files.records[i]);
        }
        for (std::size_t i = mine; i < files.states.size(); i += step) {
            reader.read_states(files.states[i]);
        }
    });
    const RecordedFacts facts = merged(ranks, catalogue, reader.facts);
    EarlierResults results = results_of(facts, catalogue, sequences);
    results.spectra = std::move(reader.spectra);
    settle_owners(ranks, catalogue.matrices.size(), results.spectra, results.has_spectrum);
    return results;
}

}  // namespace alphaprune::resume
