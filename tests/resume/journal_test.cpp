#include "alphaprune/resume/journal.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <numeric>
#include <random>

#include "alphaprune/support/file.hpp"
#include "journal_records.hpp"
#include "phases/shared_model.hpp"

namespace alphaprune::resume {
namespace {

using test::SharedModel;
using test::world;
namespace fs = std::filesystem;

/// A folder that all ranks see.
class SharedFolder {
  public:
    SharedFolder() {
        if (world().is_root()) {
            folder_.emplace();
        }
        path_ = parallel::text_from_root(world(), [&] { return folder_->path().string(); });
    }
    SharedFolder(const SharedFolder&) = delete;
    SharedFolder& operator=(const SharedFolder&) = delete;
    ~SharedFolder() { world().barrier(); }
    const fs::path& path() const { return path_; }

  private:
    std::optional<test::TemporaryFolder> folder_;
    fs::path path_;
};

const RunIdentity kIdentity{{{"--sparsity-ratio", "0.7"}, {"--metric", "alpha_peak"}}};

bool is_mine(std::size_t item) {
    return static_cast<int>(item) % world().size() == world().rank();
}

spectrum::MatrixSpectrum some_spectrum(std::size_t m) {
    spectrum::MatrixSpectrum spectrum;
    for (std::size_t i = 0; i < spectrum::kMetrics; ++i) {
        spectrum.metrics.values[i] = 0.1 * static_cast<double>(m) + static_cast<double>(i);
    }
    spectrum.solver = linalg::Solver::lapack2;
    if (m % 3 == 0) {
        spectrum.failed_solver = linalg::Solver::two_stage;
    }
    spectrum.seconds = static_cast<double>(m);
    return spectrum;
}

std::vector<double> some_eigenvalues(std::size_t m) {
    std::vector<double> values(m % 5 + 1);
    std::iota(values.begin(), values.end(), static_cast<double>(m));
    return values;
}

class JournalTest : public testing::Test {
  protected:
    const model::Catalogue& catalogue() const { return model_.catalogue(); }
    Journal begin() {
        return Journal::begin(world(), catalogue(), output_.path(), kIdentity, "today");
    }
    Journal resume(const RunIdentity& identity = kIdentity) {
        return Journal::resume(world(), catalogue(), output_.path(), identity, kSequences);
    }
    fs::path file(int rank) const {
        return Journal::folder_in(output_.path()) / ("records-1-" + std::to_string(rank) + ".log");
    }
    static constexpr std::int64_t kSequences = 4;

    SharedModel model_{support::ScalarType::bfloat16};
    SharedFolder output_;
};

TEST_F(JournalTest, BeginsWithNothing) {
    EXPECT_FALSE(Journal::exists_in(output_.path()));
    world().barrier();
    const Journal journal = begin();
    EXPECT_TRUE(Journal::exists_in(output_.path()));
    EXPECT_EQ(journal.attempt(), 1);
    EXPECT_EQ(std::ranges::count(journal.earlier().has_spectrum, true), 0);
}

TEST_F(JournalTest, GivesBackAllSpectraEachOnOneRank) {
    const std::size_t half = catalogue().matrices.size() / 2;
    {
        Journal journal = begin();
        for (std::size_t m = 0; m < half; ++m) {
            if (is_mine(m)) {
                journal.add_spectrum(static_cast<int>(m), some_spectrum(m), some_eigenvalues(m));
            }
        }
        world().barrier();
    }
    const Journal journal = resume();
    EXPECT_EQ(journal.attempt(), 2);
    EXPECT_EQ(journal.created(), "today");
    const EarlierResults& earlier = journal.earlier();
    EXPECT_TRUE(earlier.damage.empty());
    EXPECT_EQ(world().sum(static_cast<int>(earlier.spectra.size())), static_cast<int>(half));
    for (std::size_t m = 0; m < catalogue().matrices.size(); ++m) {
        EXPECT_EQ(earlier.has_spectrum[m], m < half);
    }
    for (const auto& [matrix, known] : earlier.spectra) {
        const auto m = static_cast<std::size_t>(matrix);
        EXPECT_EQ(known.spectrum.metrics.values, some_spectrum(m).metrics.values);
        EXPECT_EQ(known.spectrum.solver, linalg::Solver::lapack2);
        EXPECT_EQ(known.spectrum.failed_solver, some_spectrum(m).failed_solver);
        EXPECT_EQ(known.eigenvalues, some_eigenvalues(m));
    }
}

TEST_F(JournalTest, GivesBackTheSmallThingsOnEveryRank) {
    {
        Journal journal = begin();
        if (world().rank() == world().size() - 1) {
            journal.add_farms(2, 3.25);
            journal.add_outliers(1, 0.125);
            journal.add_note(1, "damped");
            journal.add_note(1, "damped");
            journal.add_perplexity({true, 1, 42.5, 64, 7});
        }
        world().barrier();
    }
    const Journal journal = resume();
    const EarlierResults& earlier = journal.earlier();
    EXPECT_EQ(earlier.farms, (std::map<int, double>{{2, 3.25}}));
    EXPECT_EQ(earlier.outliers, (std::map<int, double>{{1, 0.125}}));
    EXPECT_EQ(earlier.notes.at(1), std::vector<std::string>{"damped"});
    ASSERT_EQ(earlier.perplexities.size(), 1U);
    EXPECT_EQ(earlier.perplexities[0].value, 42.5);
    EXPECT_TRUE(earlier.perplexities[0].pruned);
    EXPECT_EQ(earlier.perplexities[0].windows, 7);
}

TEST_F(JournalTest, ATensorCountsWhenAllRanksHaveRecordedIt) {
    const model::TensorInfo& whole = catalogue().tensors[0];
    const model::TensorInfo& part = catalogue().tensors[1];
    ASSERT_GE(whole.rows(), world().size());
    {
        Journal journal = begin();
        const parallel::RowRange mine =
            parallel::share_of(whole.rows(), world().size(), world().rank());
        std::vector<WrittenRows> rows{{0, mine, {5, mine.size()}}};
        if (world().rank() > 0) {  // rank 0 was not ready with its rows of the other
            rows.push_back(
                {1, parallel::share_of(part.rows(), world().size(), world().rank()), {1, 1}});
        }
        journal.add_rows(rows);
        world().barrier();
    }
    const Journal journal = resume();
    const auto& tensors = journal.earlier().tensors;
    ASSERT_TRUE(tensors[0]);
    EXPECT_EQ(tensors[0]->checksum, 5U * static_cast<unsigned>(world().size()));
    EXPECT_EQ(tensors[0]->zeros, whole.rows());
    EXPECT_FALSE(tensors[1]);
}

TEST_F(JournalTest, StatesComeBackFromTheLatestCompleteBlock) {
    constexpr std::size_t kValues = 6;
    const parallel::RowRange own = parallel::share_of(kSequences, world().size(), world().rank());
    const auto states_of = [&](int block) {
        std::vector<float> states(static_cast<std::size_t>(own.size()) * kValues);
        for (std::size_t i = 0; i < states.size(); ++i) {
            states[i] = static_cast<float>(block * 1000 + own.begin * 100) + static_cast<float>(i);
        }
        return states;
    };
    {
        Journal journal = begin();
        const auto save = [&](int block) {
            journal.save_states(StatePass::prune, block, own,
                                [&, states = states_of(block)](std::int64_t sequence) {
                                    return std::span(states).subspan(
                                        static_cast<std::size_t>(sequence - own.begin) * kValues,
                                        kValues);
                                });
        };
        save(1);
        save(2);
        own.begin > 0 ? save(3) : void();  // the first ranks were killed before
        world().barrier();
    }
    const Journal journal = resume();
    const SavedStates& saved = journal.earlier().states.at(StatePass::prune);
    EXPECT_FALSE(journal.earlier().states.contains(StatePass::outliers));
    EXPECT_EQ(saved.block, 2);
    ASSERT_EQ(saved.sequences.size(), static_cast<std::size_t>(kSequences));
    const std::vector<float> expected = states_of(2);
    for (std::int64_t s = 0; s < own.size(); ++s) {
        std::vector<float> values(kValues);
        journal.read_state(saved.sequences[static_cast<std::size_t>(own.begin + s)], values);
        EXPECT_TRUE(std::equal(values.begin(), values.end(),
                               expected.begin() + static_cast<std::ptrdiff_t>(kValues) * s));
        values.push_back(0);
        EXPECT_THROW(journal.read_state(saved.sequences[0], values), support::Error);
    }
}

TEST_F(JournalTest, ATornFileIsUsedAsFarAsItGoesAndToldOf) {
    {
        Journal journal = begin();
        for (std::size_t m = 0; m < 3; ++m) {
            if (world().is_root()) {
                journal.add_spectrum(static_cast<int>(m), some_spectrum(m), some_eigenvalues(m));
            }
        }
        world().barrier();
    }
    if (world().is_root()) {
        fs::resize_file(file(0), fs::file_size(file(0)) - 5);
    }
    world().barrier();
    const Journal journal = resume();
    const EarlierResults& earlier = journal.earlier();
    EXPECT_EQ(std::ranges::count(earlier.has_spectrum, true), 2);
    ASSERT_EQ(earlier.damage.size(), 1U);
    EXPECT_NE(earlier.damage[0].find("records-1-0.log"), std::string::npos);
}

TEST_F(JournalTest, AFileThatCannotBeReadIsAnErrorOnAllRanks) {
    { const Journal journal = begin(); }
    if (world().is_root()) {
        fs::create_directory(file(7));  // opens, and cannot be read
    }
    world().barrier();
    EXPECT_THROW(resume(), support::Error);
    world().barrier();
    if (world().is_root()) {
        fs::remove(file(7));
    }
    world().barrier();
    EXPECT_TRUE(resume().earlier().damage.empty());
}

TEST_F(JournalTest, AnotherRunIsRefusedByTheNamesOfWhatDiffers) {
    { const Journal journal = begin(); }
    world().barrier();
    const RunIdentity other{{{"--sparsity-ratio", "0.8"}, {"--seed", "1"}}};
    try {
        resume(other);
        FAIL() << "was taken over";
    } catch (const support::Error& error) {
        EXPECT_EQ(error.status(), support::ExitStatus::bad_request);
        const std::string text = error.what();
        for (const char* part :
             {"--sparsity-ratio: there 0.7, here 0.8", "--seed: there not given, here 1",
              "--metric: there alpha_peak, here not given"}) {
            EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
        }
    }
    EXPECT_EQ(resume().attempt(), 2);  // and nothing was harmed
}

TEST_F(JournalTest, RemembersWhatItWasComputedBy) {
    const Provenance one{"1.0", "abc", "a processor, avx2 kernels", "a BLAS"};
    const Provenance other{"1.0", "abd", "another, avx512 kernels", "a BLAS"};
    const auto begin_with = [&](const Provenance& here) {
        return Journal::begin(world(), catalogue(), output_.path(), kIdentity, "today", here);
    };
    const auto resume_with = [&](const Provenance& here) {
        return Journal::resume(world(), catalogue(), output_.path(), kIdentity, kSequences, here);
    };
    EXPECT_EQ(begin_with(one).computed_by(), std::vector{one});
    EXPECT_EQ(resume_with(one).computed_by(), std::vector{one});
    EXPECT_EQ(resume_with(other).computed_by(), (std::vector{one, other}));
    EXPECT_EQ(resume_with(one).computed_by(), (std::vector{other, one}));
}

TEST_F(JournalTest, RefusesOneWhoseVersionComputedOtherResults) {
    { const Journal journal = begin(); }
    world().barrier();
    const fs::path document = Journal::folder_in(output_.path()) / "run.json";
    for (const char* version : {"\"results_version\": ", "\"journal_version\": "}) {
        const std::string text =
            parallel::text_from_root(world(), [&] { return support::read_text(document); });
        world().barrier();
        if (world().is_root()) {
            std::string changed = text;
            changed.insert(changed.find(version) + std::string(version).size(), "9");
            support::write_text_atomically(document, changed);
        }
        world().barrier();
        try {
            resume();
            FAIL() << "was taken over";
        } catch (const support::Error& error) {
            EXPECT_EQ(error.status(), support::ExitStatus::bad_request);
            EXPECT_NE(std::string(error.what()).find("another version"), std::string::npos);
        }
        EXPECT_TRUE(Journal::identity_in(output_.path()));  // whose it is can be told all the same
        world().barrier();
        if (world().is_root()) {
            support::write_text_atomically(document, text);
        }
        world().barrier();
    }
}

TEST_F(JournalTest, HoldsWorkOnceSomethingWasRecorded) {
    {
        Journal journal = begin();
        EXPECT_FALSE(Journal::holds_work(output_.path()));
        world().barrier();
        if (world().is_root()) {
            journal.add_outliers(0, 0.5);
        }
        world().barrier();
    }
    EXPECT_TRUE(Journal::holds_work(output_.path()));
}

TEST_F(JournalTest, SparesWhatSomebodyElseHasPutThere) {
    const fs::path folder = Journal::folder_in(output_.path());
    { const Journal journal = begin(); }
    world().barrier();
    EXPECT_TRUE(Journal::is_ours(output_.path()));
    world().barrier();
    if (world().is_root()) {
        support::write_text_atomically(folder / "diary.txt", "dear diary");
        Journal::remove(output_.path());
        EXPECT_EQ(support::read_text(folder / "diary.txt"), "dear diary");
        EXPECT_FALSE(Journal::is_ours(output_.path()));
        support::write_text_atomically(folder / "lock", "");
        EXPECT_FALSE(Journal::is_ours(output_.path()));
        fs::remove(folder / "diary.txt");
        EXPECT_TRUE(Journal::is_ours(output_.path()));
    }
    world().barrier();
}

TEST_F(JournalTest, IsGoneWhenRemoved) {
    { const Journal journal = begin(); }
    world().barrier();
    if (world().is_root()) {
        Journal::remove(output_.path());
    }
    world().barrier();
    EXPECT_FALSE(Journal::exists_in(output_.path()));
}

/// Against all ways to cover the rows, by brute force.
TEST(CompleteTensors, AreThoseWhoseRowsAreCoveredOnce) {
    model::Catalogue catalogue;
    catalogue.tensors.push_back({"t", support::ScalarType::float32, {6, 2}, 0, 0, -1});
    std::mt19937 random(3);
    int complete = 0;
    for (int round = 0; round < 2000; ++round) {
        std::vector<WrittenRows> rows(random() % 7);
        for (WrittenRows& written : rows) {
            written.rows.begin = random() % 6;
            written.rows.end = written.rows.begin + 1 + random() % 3;
            written.part.zeros = written.rows.size();
        }
        bool possible = false;
        for (unsigned subset = 0; subset < 1U << rows.size(); ++subset) {
            std::vector<int> covered(9);
            for (std::size_t i = 0; i < rows.size(); ++i) {
                for (auto r = rows[i].rows.begin; subset >> i & 1U && r < rows[i].rows.end; ++r) {
                    ++covered[static_cast<std::size_t>(r)];
                }
            }
            possible = possible || covered == std::vector{1, 1, 1, 1, 1, 1, 0, 0, 0};
        }
        const auto found = complete_tensors(catalogue, rows);
        EXPECT_EQ(found[0].has_value(), possible) << round;
        if (found[0]) {
            EXPECT_EQ(found[0]->zeros, 6);
            ++complete;
        }
    }
    EXPECT_GT(complete, 20);
}

TEST(CompleteTensors, RecordsOfWhatCannotBeDoNotCount) {
    model::Catalogue catalogue;
    catalogue.tensors.push_back({"t", support::ScalarType::float32, {6, 2}, 0, 0, -1});
    const auto counts = [&](parallel::RowRange rows, std::int64_t zeros) {
        const std::vector<WrittenRows> written{{0, rows, {1, zeros}}};
        return complete_tensors(catalogue, written)[0].has_value();
    };
    EXPECT_TRUE(counts({0, 6}, 0));
    EXPECT_TRUE(counts({0, 6}, 12));
    EXPECT_FALSE(counts({0, 6}, 13));
    EXPECT_FALSE(counts({0, 6}, -1));
    EXPECT_FALSE(counts({0, 7}, 0));
    EXPECT_FALSE(counts({-1, 6}, 0));
}

}  // namespace
}  // namespace alphaprune::resume
