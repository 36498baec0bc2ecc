#include "former_run.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "alphaprune/support/file.hpp"
#include "compared_runs.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::commands {
namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;

constexpr std::string_view kAnalysis =
    R"({"schema_version": 1, "program": {"version": "0.1"}, "command_line": ["alphaprune_mpi"],
        "prune_method": null, "matrices": []})";
constexpr std::string_view kRun =
    R"({"schema_version": 1, "program": {"version": "0.1"}, "prune_method": "magnitude",
        "command_line": ["alphaprune_mpi", "--model", "m", "--output", "o"], "matrices": []})";
constexpr std::string_view kSweep =
    R"({"schema_version": 1, "program": {"version": "0.1"}, "command_line": ["alphaprune_mpi"],
        "runs": [{"folder": "wanda-uniform-0.5"}, {"folder": "../elsewhere"}]})";
constexpr std::string_view kSweepJournal =
    R"({"journal_version": 1, "identity": {"the command": "sweep", "--format": "hdf5"}})";
constexpr std::string_view kJournal =
    R"({"journal_version": 1, "identity": {"--format": "hdf5 safetensors"}})";

std::string shard(const std::string& writer) {
    std::string header = R"({"__metadata__": {")" + writer + R"(": "1"}})";
    std::string text(8, '\0');
    text[0] = static_cast<char>(header.size());
    return text + header;
}

class FormerRunTest : public testing::Test {
  protected:
    void put(const std::string& name, std::string_view text = "not ours") {
        fs::create_directories((folder_ / name).parent_path());
        support::write_text_atomically(folder_ / name, text);
    }
    Names ours() const { return names(former_run_in(folder_.path()).ours); }
    Names foreign() const { return names(former_run_in(folder_.path()).foreign); }
    void remove() const { remove_former_run(former_run_in(folder_.path()), folder_.path()); }
    Names left() const {
        Names names;
        for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
            names.insert(fs::relative(entry.path(), folder_.path()).string());
        }
        return names;
    }

    test::TemporaryFolder folder_;

  private:
    Names names(const std::vector<fs::path>& paths) const {
        Names names;
        for (const fs::path& path : paths) {
            names.insert(path.lexically_relative(folder_.path()).string());
        }
        return names;
    }
};

TEST_F(FormerRunTest, WithoutAReportOrJournalNothingIsOurs) {
    for (const char* name : {"report.html", "matrices.csv", "checkpoint.h5", "run.log", "stop",
                             "metrics/alpha_mid.npy", "hf/model.safetensors", "journal/monday",
                             "checkpoint.h5.partial", "report.json"}) {
        put(name);
    }
    put("notes.txt");
    EXPECT_EQ(ours(), Names{});
    EXPECT_EQ(foreign(),
              (Names{"report.html", "matrices.csv", "checkpoint.h5", "run.log", "stop", "metrics",
                     "hf", "journal", "checkpoint.h5.partial", "report.json"}));
}

TEST_F(FormerRunTest, AReportProvesWhatItsRunWrites) {
    put("report.json", kRun);
    for (const char* name : {"report.html", "matrices.csv", "checkpoint.h5", "run.log", "stop",
                             "metrics/alpha_mid.npy", "metrics/alpha_mid.npy.partial",
                             "metrics/mine.npy", "notes.txt", "hf/mine.txt"}) {
        put(name);
    }
    EXPECT_EQ(foreign(), Names{"hf"});
    remove();
    EXPECT_EQ(left(), (Names{"hf", "hf/mine.txt", "metrics", "metrics/mine.npy", "notes.txt"}));
}

TEST_F(FormerRunTest, AReportOfAnAnalysisProvesNoModel) {
    put("report.json", kAnalysis);
    put("checkpoint.h5");
    put("hf/model.safetensors", shard("somebody"));
    put("metrics/alpha_mid.npy");
    EXPECT_EQ(foreign(), (Names{"checkpoint.h5", "hf"}));
    remove();
    EXPECT_EQ(left(), (Names{"checkpoint.h5", "hf", "hf/model.safetensors"}));
}

TEST_F(FormerRunTest, AJournalProvesWhatAnUnfinishedRunLeaves) {
    put("journal/run.json", kJournal);
    put("journal/lock", "");
    put("journal/records-1-0.log");
    put("journal/mine");
    put("checkpoint.h5.partial");
    put("hf.partial/model.safetensors", "");
    put("run.log");
    put("stop");
    EXPECT_EQ(foreign(), Names{});
    remove();
    EXPECT_EQ(left(), (Names{"journal", "journal/mine"}));
}

TEST_F(FormerRunTest, FoldersAndReportsOfOtherProgramsAreForeignBesideOurs) {
    put("journal/run.json", kJournal);
    put("report.json", "{\"tests\": 3}");
    put("stop/me");
    put("matrices.csv/here");
    EXPECT_EQ(foreign(), (Names{"report.json", "stop", "matrices.csv"}));
}

TEST_F(FormerRunTest, LinksGoAlone) {
    const test::TemporaryFolder elsewhere;
    support::write_text_atomically(elsewhere / "kept", "kept");
    put("report.json", kRun);
    fs::create_symlink(elsewhere / "kept", folder_ / "report.html");
    fs::create_directory_symlink(elsewhere.path(), folder_ / "metrics");
    fs::create_directory_symlink(elsewhere.path(), folder_ / "journal");
    remove();
    EXPECT_EQ(left(), Names{});
    EXPECT_EQ(support::read_text(elsewhere / "kept"), "kept");
    fs::create_symlink(elsewhere / "report.json", folder_ / "report.json");
    support::write_text_atomically(elsewhere / "report.json", kRun);
    put("stop");
    EXPECT_EQ(foreign(), (Names{"report.json", "stop"}));  // the proof is of another folder
}

TEST_F(FormerRunTest, AnInterruptedRemovalCanBeContinued) {
    put("report.json.partial", kRun);
    put("checkpoint.h5");
    EXPECT_EQ(foreign(), Names{});
    remove();
    EXPECT_EQ(left(), Names{});
}

TEST_F(FormerRunTest, OnlyWhatTheNewRunWritesIsInItsWay) {
    put("checkpoint.h5");
    put("hf/model.safetensors");
    put("stop");
    const FormerRun former = former_run_in(folder_.path());
    cli::Options options;
    options.command = cli::Command::run;
    const auto blocking = [&](bool hdf5, bool safetensors) {
        options.write_hdf5 = hdf5;
        options.write_safetensors = safetensors;
        return in_the_way(former, options).size();
    };
    EXPECT_EQ(blocking(true, true), 3U);
    EXPECT_EQ(blocking(true, false), 2U);
    EXPECT_EQ(blocking(false, true), 2U);
    options.command = cli::Command::analyze;
    EXPECT_EQ(blocking(true, true), 1U);
}

TEST_F(FormerRunTest, OfASweepItsOwnFiles) {
    put("sweep.json", kSweep);
    put("sweep.csv", "…");
    put("run.log", "…");
    put("report.html", "somebody's");
    put("wanda-uniform-0.5/report.json", kRun);
    EXPECT_EQ(ours(), (Names{"sweep.json", "sweep.csv", "run.log"}));
    EXPECT_EQ(foreign(), Names{"report.html"});
    EXPECT_EQ(runs_of_sweep(folder_.path()), std::vector<std::string>{"wanda-uniform-0.5"});
    remove();
    EXPECT_EQ(left(), (Names{"report.html", "wanda-uniform-0.5", "wanda-uniform-0.5/report.json"}));
}

TEST_F(FormerRunTest, OfAnUnfinishedSweepItsJournalSpeaks) {
    put("journal/run.json", kSweepJournal);
    put("sweep.csv.partial", "…");
    put("run.log", "…");
    put("checkpoint.h5", "somebody's");
    EXPECT_EQ(ours(), (Names{"journal", "sweep.csv.partial", "run.log"}));
    EXPECT_EQ(foreign(), Names{"checkpoint.h5"});
}

TEST_F(FormerRunTest, NamesOfASweepAreInTheWayOfSweepsAlone) {
    put("sweep.json", "{}");
    put("sweep.csv");
    put("report.html");
    EXPECT_FALSE(runs_of_sweep(folder_.path()));
    const FormerRun former = former_run_in(folder_.path());
    EXPECT_EQ(former.foreign.size(), 3U);
    cli::Options options;
    EXPECT_EQ(in_the_way(former, options), std::vector<fs::path>{folder_ / "report.html"});
    options.command = cli::Command::sweep;
    EXPECT_EQ(in_the_way(former, options).size(), 2U);
}

TEST_F(FormerRunTest, TheLogOfARunThatCameToNothingIsKnownByItsFirstLine) {
    put("run.log", "2026-01-01T00:00:00+0000 I alphaprune_mpi 0.1 (abc)\nmore\n");
    EXPECT_EQ(ours(), Names{"run.log"});
    put("run.log", "my training run\nwith alphaprune_mpi \n");
    EXPECT_EQ(foreign(), Names{"run.log"});
}

TEST_F(FormerRunTest, AnExportSaysSoInItsMetadata) {
    fs::create_directory(folder_ / "model");
    EXPECT_TRUE(is_export(folder_ / "model"));  // empty
    put("model/config.json", "{}");
    EXPECT_FALSE(is_export(folder_ / "model"));
    put("model/model.safetensors", shard("alphaprune_mpi"));
    EXPECT_TRUE(is_export(folder_ / "model"));
    put("model/more.safetensors", "");
    EXPECT_FALSE(is_export(folder_ / "model"));
    EXPECT_TRUE(is_export(folder_ / "model", true));
    put("model/more.safetensors", shard("format"));
    EXPECT_FALSE(is_export(folder_ / "model", true));
    put("model/more.safetensors", shard("alphaprune_mpi"));
    fs::create_directory(folder_ / "model/code");
    put("model/code/modeling_my.py", "");
    EXPECT_TRUE(is_export(folder_ / "model"));  // code of the model's own
    put("model/code/notes.txt", "");
    EXPECT_FALSE(is_export(folder_ / "model"));
}

}  // namespace
}  // namespace alphaprune::commands
