#include "former_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

#include "alphaprune/resume/journal.hpp"
#include "alphaprune/spectrum/metrics.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/file_system.hpp"
#include "output_folder.hpp"

namespace alphaprune::commands {
namespace fs = std::filesystem;
namespace {

class Classifier {
  public:
    explicit Classifier(const fs::path& output)
        : output_(output), proof_(proof_of_run_in(output)) {}

    FormerRun classify() {
        for (const std::string_view name : {kReportHtmlName, kMatricesName}) {
            sort_file(output_ / name, proof_.of_run);
            sort_file(support::partial_name(output_ / name), proof_.of_run);
        }
        sort_file(output_ / kLogName, of_any() || is_our_log(output_ / kLogName));
        sort_file(output_ / kStopName, of_any());
        const fs::path checkpoint = output_ / kCheckpointName;
        sort_file(checkpoint,
                  proof_.of_run && (proof_.wrote_checkpoint || is_our_checkpoint(checkpoint)));
        sort_file(support::partial_name(checkpoint), proof_.wrote_checkpoint);
        sort_export(output_ / kFolderName);
        sort_export(support::partial_name(output_ / kFolderName));
        sort_metrics();
        sort_journal();
        for (const std::string_view name : kSweepNames) {
            sort_file(support::partial_name(output_ / name), of_any());
            sort_file(output_ / name, proof_.of_sweep);
        }
        sort_report();
        return std::move(former_);
    }

  private:
    bool of_any() const { return proof_.of_run || proof_.of_sweep; }
    void sort(const fs::path& path, bool ours) {
        (ours ? former_.ours : former_.foreign).push_back(path);
    }
    static bool is_there(const fs::path& path) { return fs::exists(support::link_status_of(path)); }
    static bool is_folder(const fs::path& path) {
        return fs::is_directory(support::link_status_of(path));
    }

    /// Of a link the link alone would go.
    void sort_file(const fs::path& file, bool ours) {
        if (is_there(file)) {
            sort(file, ours && !is_folder(file));
        }
    }
    void sort_export(const fs::path& folder) {
        if (is_folder(folder)) {
            sort(folder, is_export(folder, proof_.wrote_folder));
        } else {
            sort_file(folder, proof_.wrote_folder);
        }
    }
    /// Only the files that a run writes there; the folder stays where there are others.
    void sort_metrics() {
        const fs::path folder = output_ / kMetricsName;
        if (!is_folder(folder)) {
            sort_file(folder, proof_.of_run);
            return;
        }
        std::error_code unknown;
        if (!proof_.of_run && !fs::is_empty(folder, unknown)) {
            sort(folder, false);
            return;
        }
        for (std::size_t m = 0; m < spectrum::kMetrics; ++m) {
            const fs::path file =
                folder / fmt::format("{}.npy", spectrum::name_of(static_cast<spectrum::Metric>(m)));
            sort_file(file, proof_.of_run);
            sort_file(support::partial_name(file), proof_.of_run);
        }
    }
    void sort_journal() {
        const fs::path folder = resume::Journal::folder_in(output_);
        if (is_folder(folder)) {
            sort(folder, resume::Journal::is_ours(output_));
        } else {
            sort_file(folder, proof_.of_run);
        }
    }
    void sort_report() {
        const fs::path report = output_ / kReportName;
        const auto found = own_report_in(output_);
        for (const fs::path& file : {report, support::partial_name(report)}) {
            sort_file(file, found == file || (proof_.of_run && file != report));
        }
    }

    fs::path output_;
    RunProof proof_;
    FormerRun former_;
};

void remove_entry(const fs::path& entry, const fs::path& output) {
    if (entry == resume::Journal::folder_in(output) &&
        fs::is_directory(support::link_status_of(entry))) {
        resume::Journal::remove(output);
        return;
    }
    std::error_code problem;
    fs::remove_all(entry, problem);
    if (problem) {
        throw support::path_error("cannot remove the former result", entry, problem.value(),
                                  "choose another --output");
    }
}

}  // namespace

FormerRun former_run_in(const fs::path& output) {
    return Classifier(output).classify();
}

std::vector<fs::path> in_the_way(const FormerRun& former, const cli::Options& options) {
    const bool prunes = options.command == cli::Command::run;
    const bool sweeps = options.command == cli::Command::sweep;
    const auto is_of = [](const std::string& name, const auto& names) {
        return std::ranges::any_of(names,
                                   [&](std::string_view one) { return name.starts_with(one); });
    };
    std::vector<fs::path> blocking;
    for (const fs::path& path : former.foreign) {
        const std::string name = path.filename().string();
        const bool spared =
            (sweeps ? is_of(name, kResultNames) : is_of(name, kSweepNames)) ||
            (name.starts_with(kCheckpointName) && !(prunes && options.write_hdf5)) ||
            (name.starts_with(kFolderName) && !(prunes && options.write_safetensors));
        if (!spared) {
            blocking.push_back(path);
        }
    }
    return blocking;
}

void remove_former_run(const FormerRun& former, const fs::path& output) {
    const fs::path report = output / kReportName;
    const bool finished = std::ranges::find(former.ours, report) != former.ours.end();
    std::error_code problem;
    if (finished) {
        fs::rename(report, support::partial_name(report), problem);
        if (problem) {
            throw support::path_error("cannot remove the former result", report, problem.value(),
                                      "choose another --output");
        }
    }
    for (const fs::path& entry : former.ours) {
        if (entry != report && entry != support::partial_name(report)) {
            remove_entry(entry, output);
        }
    }
    remove_entry(support::partial_name(report), output);
    if (fs::is_directory(support::link_status_of(output / kMetricsName))) {
        fs::remove(output / kMetricsName, problem);  // where nothing else is in it
    }
}

}  // namespace alphaprune::commands
