#include "understanding.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "option_values.hpp"

namespace alphaprune {
namespace {

constexpr std::string_view kFilePrefix = "file:";

/// Fills in the options from the request, one group after the other.
class Understanding {
  public:
    Understanding(const Request& request, FaultList& faults) : request_(request), faults_(faults) {}

    Options options() {
        options_.command = *request_.command;
        read_folders();
        read_allocation();
        read_ratios();
        read_pruning();
        read_computing();
        return std::move(options_);
    }

  private:
    void read_folders() {
        if (options_.command == Command::verify) {
            if (request_.words.empty() || request_.words.front().empty()) {
                faults_.add("verify needs to know what to verify", "command line",
                            "name the output folder of a run or a checkpoint file: verify DIR");
            } else {
                options_.verify_target = request_.words.front();
            }
            return;
        }
        read_needed_path("model", "the folder of the model", options_.model);
        read_needed_path("output", "the folder for the results", options_.output);
        if (const Setting* setting = request_.find("overwrite")) {
            options_.overwrite = read_switch(*setting, faults_).value_or(false);
        }
        read_choice_of("format", {{"hdf5"}, {"safetensors"}});
        read_choice_of("storage", {{"dense"}, {"bitmask"}});
    }

    void read_allocation() {
        const Setting* setting = request_.find("allocation");
        if (setting != nullptr && setting->value.starts_with(kFilePrefix)) {
            options_.allocation = AllocationKind::file;
            options_.allocation_file = setting->value.substr(kFilePrefix.size());
            if (options_.allocation_file.empty()) {
                faults_.add("--allocation file: names no file", setting->origin,
                            "write file:PATH, with one ratio a matrix in the file");
            }
        } else if (const auto kind = read_choice_of(
                       "allocation",
                       {{"alphapruning", "uniform", "linear_depth", "file:PATH"}, {"owl"}})) {
            options_.allocation = static_cast<AllocationKind>(*kind);
        }
        read_metric();
        if (const Setting* cache = request_.find("metric-cache")) {
            options_.metric_cache = path_in(*cache);
        }
        if (const auto mapping =
                read_choice_of("mapping-type", {{"block_wise", "layer_wise"}, {}})) {
            options_.ratios.mapping = *mapping == 0 ? Mapping::block_wise : Mapping::layer_wise;
        }
    }

    void read_metric() {
        Choices choices{{}, {"alpha_peak_farms"}};
        for (std::size_t m = 0; m < kMetrics; ++m) {
            choices.names.push_back(name_of(static_cast<Metric>(m)));
        }
        if (const auto metric = read_choice_of("metric", choices)) {
            options_.metric = static_cast<Metric>(*metric);
        }
    }

    void read_ratios() {
        AllocationOptions& ratios = options_.ratios;
        const auto below_one = [](double value) { return value >= 0 && value < 1; };
        const auto above_zero = [](double value) { return value > 0 && value <= 1; };
        bool sound = read_share("sparsity-ratio", below_one, "in [0, 1)", ratios.sparsity_ratio);
        sound = read_share("max-sparsity", above_zero, "in (0, 1]", ratios.max_sparsity) && sound;
        read_share("epsilon", below_one, "in [0, 1)", ratios.epsilon);
        if (sound && options_.command == Command::run &&
            options_.allocation != AllocationKind::file &&
            ratios.max_sparsity < ratios.sparsity_ratio) {
            const Setting* setting = request_.find("max-sparsity");
            setting = setting != nullptr ? setting : request_.find("sparsity-ratio");
            faults_.add(fmt::format("the ratio {} cannot be reached when no matrix may have more "
                                    "than --max-sparsity {}",
                                    ratios.sparsity_ratio, ratios.max_sparsity),
                        setting != nullptr ? setting->origin : std::string(),
                        "raise --max-sparsity or lower --sparsity-ratio");
        }
    }

    void read_pruning() {
        read_choice_of("prune-method", {{"magnitude"}, {"wanda", "sparsegpt"}});
        read_choice_of("sparsity-type", {{"unstructured"}, {"2:4", "4:8", "mixed-N:8"}});
        if (const auto ties = read_choice_of("ties", {{"exact", "inclusive"}, {}})) {
            options_.ties = *ties == 0 ? Ties::exact : Ties::inclusive;
        }
    }

    void read_computing() {
        constexpr std::array kSolvers{Solver::lapack1, Solver::lapack2, Solver::elpa1,
                                      Solver::elpa2, Solver::scalapack};
        Choices solvers{{"auto", "lapack"}, {"cuda"}};
        for (const Solver solver : kSolvers) {
            solvers.names.push_back(name_of(solver));
        }
        if (const Setting* setting = request_.find("group-ranks")) {
            options_.group_ranks = read_positive_count(*setting, faults_);
        }
        if (const auto solver = read_choice_of("solver", solvers)) {
            if (*solver == 1) {  // lapack: the better one-rank solver for each matrix
                options_.group_ranks = 1;
            } else if (*solver > 1) {
                options_.solver = kSolvers.at(*solver - 2);
            }
        }
        read_choice_of("precision", {{"double"}, {"single", "auto"}});
        constexpr std::array kLevels{LogLevel::debug, LogLevel::info, LogLevel::warning,
                                     LogLevel::error};
        if (const auto level =
                read_choice_of("log-level", {{"debug", "info", "warning", "error"}, {}})) {
            options_.log_level = kLevels.at(*level);
        }
    }

    std::optional<std::size_t> read_choice_of(std::string_view name, const Choices& choices) {
        const Setting* setting = request_.find(name);
        return setting != nullptr ? read_choice(*setting, choices, faults_) : std::nullopt;
    }

    /// @return whether `share` is sound: read and in range, or left at its default
    bool read_share(std::string_view name, bool (*in_range)(double), std::string_view range,
                    double& share) {
        const Setting* setting = request_.find(name);
        if (setting == nullptr) {
            return true;
        }
        const auto value = read_number(*setting, faults_);
        if (value && in_range(*value)) {
            share = *value;
            return true;
        }
        if (value) {
            faults_.add(fmt::format("--{} {} is not {}", name, setting->value, range),
                        setting->origin, "it is a share of one: for 70 % write 0.7");
        }
        return false;
    }

    std::filesystem::path path_in(const Setting& setting) {
        if (setting.value.empty()) {
            faults_.add(fmt::format("--{} is empty", setting.name), setting.origin,
                        "name a file or folder");
        }
        return setting.value;
    }

    void read_needed_path(std::string_view name, std::string_view what,
                          std::filesystem::path& path) {
        if (const Setting* setting = request_.find(name)) {
            path = path_in(*setting);
        } else {
            faults_.add(fmt::format("--{} is missing", name), "command line",
                        fmt::format("give {} with --{} DIR", what, name));
        }
    }

    const Request& request_;
    FaultList& faults_;
    Options options_;
};

}  // namespace

Options understood(const Request& request, FaultList& faults) {
    return Understanding(request, faults).options();
}

}  // namespace alphaprune
