#include "understanding.hpp"

#include <fmt/format.h>

#include <array>

#include "method_options.hpp"
#include "model_options.hpp"
#include "plan_options.hpp"
#include "setting_reader.hpp"
#include "understanding_pruning.hpp"

namespace alphaprune::cli {
namespace {

void read_verify_target(const SettingReader& reader, Options& options) {
    const auto& words = reader.request().words;
    if (words.empty() || words.front().empty()) {
        reader.faults().add("verify needs to know what to verify", "command line",
                            "name the output folder of a run or a checkpoint file: verify DIR");
    } else {
        options.verify_target = words.front();
    }
}

void read_formats(const SettingReader& reader, Options& options) {
    const Setting* setting = reader.find("format");
    if (setting == nullptr) {
        return;
    }
    options.write_hdf5 = false;
    for (const std::string& value : reader.values("format")) {
        Setting one = *setting;
        one.value = value;
        const auto format = read_choice(one, {{"hdf5", "safetensors"}, {}}, reader.faults());
        options.write_hdf5 = options.write_hdf5 || format == 0U;
        options.write_safetensors = options.write_safetensors || format == 1U;
    }
}

void read_folders(const SettingReader& reader, Options& options) {
    if (options.command == Command::verify) {
        read_verify_target(reader, options);
        return;
    }
    read_model_options(reader, options);
    if (options.command == Command::plan) {
        options.output = reader.path("output");
    } else if (options.command != Command::evaluate) {
        options.output = reader.needed_path("output", "the folder for the results");
    }
    options.overwrite = reader.on("overwrite");
    options.resume = reader.on("resume");
    if (options.overwrite && options.resume) {
        reader.faults().add("--overwrite and --resume contradict each other",
                            reader.find("resume")->origin,
                            "--resume goes on with what is in the output, --overwrite removes it");
    }
    read_formats(reader, options);
    reader.choice("storage", {{"dense"}, {"bitmask"}});
}

void read_farms(const SettingReader& reader, Options& options) {
    constexpr double kExtreme = 100;
    const Setting* setting = reader.find("farms-aspect");
    const auto aspect = setting != nullptr ? read_number(*setting, reader.faults()) : std::nullopt;
    if (aspect && *aspect >= 1 / kExtreme && *aspect <= kExtreme) {
        options.farms.aspect = *aspect;
    } else if (aspect) {
        reader.faults().add(fmt::format("--farms-aspect {} is not in [{}, {}]", setting->value,
                                        1 / kExtreme, kExtreme),
                            setting->origin,
                            "it is columns over rows: 1 for square windows, 2 for wide ones");
    }
}

void read_metric(const SettingReader& reader, Options& options) {
    Choices choices;
    for (std::size_t m = 0; m < spectrum::kMetrics; ++m) {
        choices.names.push_back(spectrum::name_of(static_cast<spectrum::Metric>(m)));
    }
    if (const auto metric = reader.choice("metric", choices)) {
        options.metric = static_cast<spectrum::Metric>(*metric);
    }
    read_farms(reader, options);
    options.metric_cache = reader.path("metric-cache");
}

void read_mapping(const SettingReader& reader, Options& options) {
    if (const auto mapping = reader.choice("mapping-type", {{"block_wise", "layer_wise"}, {}})) {
        options.ratios.mapping =
            *mapping == 0 ? allocation::Mapping::block_wise : allocation::Mapping::layer_wise;
    }
}

void read_ratios(const SettingReader& reader, Options& options) {
    allocation::AllocationOptions& ratios = options.ratios;
    const auto below_one = [](double value) { return value >= 0 && value < 1; };
    const auto above_zero = [](double value) { return value > 0 && value <= 1; };
    bool sound = reader.share("sparsity-ratio", below_one, "in [0, 1)", ratios.sparsity_ratio);
    sound = reader.share("max-sparsity", above_zero, "in (0, 1]", ratios.max_sparsity) && sound;
    reader.share("epsilon", below_one, "in [0, 1)", ratios.epsilon);
    if (sound && options.command == Command::run && options.allocation->is_computed() &&
        !options.pattern && ratios.max_sparsity < ratios.sparsity_ratio) {
        const Setting* setting = reader.find("max-sparsity");
        setting = setting != nullptr ? setting : reader.find("sparsity-ratio");
        reader.faults().add(fmt::format("the ratio {} cannot be reached when no matrix may have "
                                        "more than --max-sparsity {}",
                                        ratios.sparsity_ratio, ratios.max_sparsity),
                            setting != nullptr ? setting->origin : std::string(),
                            "raise --max-sparsity or lower --sparsity-ratio");
    }
}

void read_computing(const SettingReader& reader, Options& options) {
    Choices solvers{{"auto", "lapack"}, {"cuda"}};
    for (const linalg::Solver solver : linalg::kSolvers) {
        solvers.names.push_back(linalg::name_of(solver));
    }
    options.group_ranks = reader.count("group-ranks");
    options.threads_per_rank = reader.count("threads-per-rank");
    options.memory_per_rank = reader.size("memory-per-rank");
    if (const auto solver = reader.choice("solver", solvers)) {
        if (*solver == 1) {
            options.solver = linalg::Solver::lapack2;
        } else if (*solver > 1) {
            options.solver = linalg::kSolvers.at(*solver - 2);
        }
    }
    constexpr std::array kPrecisions{linalg::Precision::in_double, linalg::Precision::in_single,
                                     linalg::Precision::automatic};
    Choices precisions;
    for (const linalg::Precision precision : kPrecisions) {
        precisions.names.push_back(linalg::name_of(precision));
    }
    if (const auto precision = reader.choice("precision", precisions)) {
        options.precision = kPrecisions.at(*precision);
    }
    constexpr std::array kLevels{support::LogLevel::debug, support::LogLevel::info,
                                 support::LogLevel::warning, support::LogLevel::error};
    if (const auto level =
            reader.choice("log-level", {{"debug", "info", "warning", "error"}, {}})) {
        options.log_level = kLevels.at(*level);
    }
}

void read_limits(const SettingReader& reader, Options& options) {
    options.max_seconds = reader.duration("max-time");
    const Setting* timeout = reader.find("peer-timeout");
    if (timeout == nullptr) {
        return;
    }
    constexpr double kLeast = 1;
    const auto seconds = read_number(*timeout, reader.faults());
    if (seconds && (*seconds == 0 || *seconds >= kLeast)) {
        options.peer_timeout = *seconds;
    } else if (seconds) {
        reader.faults().add(fmt::format("--peer-timeout {} is too short", timeout->value),
                            timeout->origin, "give at least 1 second, or 0 for no watch");
    }
}

}  // namespace

Options understood(const Request& request, support::FaultList& faults) {
    const SettingReader reader(request, faults);
    Options options;
    options.command = *request.command;
    read_folders(reader, options);
    read_allocation(reader, options);
    read_mapping(reader, options);
    read_metric(reader, options);
    read_pruning(reader, options);
    read_ratios(reader, options);
    read_method_values(reader, options);
    settle_fixed_pattern(reader, options);
    read_tokens(reader, options);
    read_computing(reader, options);
    read_limits(reader, options);
    read_plan_options(reader, options);
    return options;
}

}  // namespace alphaprune::cli
