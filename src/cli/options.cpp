#include "alphaprune/cli/options.hpp"

#include <fmt/format.h>

#include <array>

#include "alphaprune/support/message.hpp"
#include "alphaprune/support/number.hpp"
#include "calibration_files.hpp"
#include "method_options.hpp"
#include "option_table.hpp"
#include "option_values.hpp"
#include "recipes.hpp"

namespace alphaprune::cli {
namespace {

using support::BadRequest;

const BadRequest<std::string> kBlockRange{
    "cli.block-range", "--blocks '{}' is not a range of blocks",
    "the value is not of the form A-B or A, or A is greater than B",
    "write the first and the last, as in 0-3, or one alone; they count from 0"};
const BadRequest<> kNothingToVerify{
    "cli.nothing-to-verify", "verify needs to know what to verify", "no word follows the command",
    "name the output folder of a run or a checkpoint file: verify DIR"};
const BadRequest<> kNothingToCompare{
    "cli.nothing-to-compare", "report needs to know what to compare", "no word follows the command",
    "name output folders of runs or sweeps: report DIR [DIR ...] --output DIR"};
const BadRequest<> kOverwriteAndResume{
    "cli.overwrite-and-resume", "--overwrite and --resume contradict each other",
    "--resume continues what is in the output, --overwrite removes it", "leave one of the two out"};
const BadRequest<> kMemoryTwice{
    "cli.memory-twice", "--memory-per-node and --memory-per-rank state the same twice",
    "each of them follows from the other and --ranks-per-node", "leave one of the two out"};

/// "A-B", or "A" for one block.
std::optional<model::BlockRange> range_in(std::string_view text) {
    const std::size_t dash = text.find('-');
    const auto first = support::number_in<int>(text.substr(0, dash));
    const auto last =
        dash == std::string_view::npos ? first : support::number_in<int>(text.substr(dash + 1));
    if (!first || !last || *last < *first) {
        return std::nullopt;
    }
    return model::BlockRange{*first, *last};
}

std::vector<model::NamePattern> patterns_in(const SettingReader& reader, std::string_view option) {
    std::vector<model::NamePattern> patterns;
    for (const std::string& text : reader.values(option)) {
        try {
            patterns.emplace_back(text,
                                  fmt::format("--{} ({})", option, reader.find(option)->origin));
        } catch (const support::Error& error) {
            reader.faults().add(error);
        }
    }
    return patterns;
}

/// Which model, where it is looked for, and how much of it.
void read_model_options(const SettingReader& reader, Options& options) {
    // A finished run states its model itself.
    options.model = reader.find("validate") != nullptr
                        ? reader.path("model")
                        : reader.needed_path("model", "the folder or the name of the model");
    options.model_root = reader.path("model-root");
    if (const Setting* revision = reader.find("revision")) {
        options.revision = revision->value;
    }
    options.synthetic = reader.on("synthetic");
    options.matrices = {patterns_in(reader, "include"), patterns_in(reader, "exclude")};
    if (const auto fused = reader.choice("fused", {{"split", "whole"}, {}})) {
        options.matrices.fused = *fused == 0 ? model::Fused::split : model::Fused::whole;
    }
    if (const Setting* blocks = reader.find("blocks")) {
        options.blocks = range_in(blocks->value);
        if (!options.blocks) {
            reader.faults().add(kBlockRange(blocks->origin, blocks->value));
        }
    }
}

void read_verify_target(const SettingReader& reader, Options& options) {
    const auto& words = reader.request().words;
    if (words.empty() || words.front().empty()) {
        reader.faults().add(kNothingToVerify(kCommandLine));
    } else {
        options.verify_target = words.front();
    }
}

void read_compared(const SettingReader& reader, Options& options) {
    for (const std::string& word : reader.request().words) {
        options.compared.emplace_back(word);
    }
    if (options.compared.empty()) {
        reader.faults().add(kNothingToCompare(kCommandLine));
    }
    options.output = reader.needed_path("output", "the folder for the comparison");
    options.overwrite = reader.on("overwrite");
}

void read_formats(const SettingReader& reader, Options& options) {
    const std::vector<std::size_t> formats =
        reader.choices("format", {{"hdf5", "safetensors"}, {}});
    options.write_hdf5 = reader.find("format") == nullptr;
    for (const std::size_t format : formats) {
        (format == 0 ? options.write_hdf5 : options.write_safetensors) = true;
    }
}

void read_folders(const SettingReader& reader, Options& options) {
    if (options.command == Command::verify) {
        read_verify_target(reader, options);
        return;
    }
    if (options.command == Command::report) {
        read_compared(reader, options);
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
    options.dry_run = reader.on("dry-run");
    if (options.overwrite && options.resume) {
        reader.faults().add(kOverwriteAndResume(reader.find("resume")->origin));
    }
    read_formats(reader, options);
    options.store_bitmask = reader.choice("storage", {{"dense", "bitmask"}, {}}) == 1;
}

/// Another machine, which `plan` is about, may have what this program was built without.
void require_solver(const SettingReader& reader, const Options& options) {
    if (options.solver && options.command != Command::plan) {
        try {
            linalg::require_built_in(*options.solver, reader.find("solver")->origin);
        } catch (const support::Error& error) {
            reader.faults().add(error);
        }
    }
}

void read_computing(const SettingReader& reader, Options& options) {
    Choices solvers{{"auto", "lapack"}, {}};
    for (const linalg::Solver solver : linalg::kSolvers) {
        solvers.names.push_back(linalg::name_of(solver));
    }
    options.group_ranks = reader.count("group-ranks");
    options.threads_per_rank = reader.count("threads-per-rank");
    options.memory_per_rank = reader.size("memory-per-rank");
    options.card_memory = reader.size("card-memory");
    if (const auto solver = reader.choice("solver", solvers)) {
        if (*solver == 1) {
            options.solver = linalg::Solver::lapack2;
        } else if (*solver > 1) {
            options.solver = linalg::kSolvers.at(*solver - 2);
        }
        require_solver(reader, options);
    }
    Choices devices;
    for (const device::DeviceChoice device : device::kDeviceChoices) {
        devices.names.push_back(device::name_of(device));
    }
    if (const auto device = reader.choice("device", devices)) {
        options.device = device::kDeviceChoices.at(*device);
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
    Choices forward_precisions;
    for (const linalg::ForwardPrecision precision : linalg::kForwardPrecisions) {
        forward_precisions.names.push_back(linalg::name_of(precision));
    }
    if (const auto precision = reader.choice("forward-precision", forward_precisions)) {
        options.forward_precision = linalg::kForwardPrecisions.at(*precision);
    }
    constexpr std::array kLevels{support::LogLevel::debug, support::LogLevel::info,
                                 support::LogLevel::warning, support::LogLevel::error};
    if (const auto level =
            reader.choice("log-level", {{"debug", "info", "warning", "error"}, {}})) {
        options.log_level = kLevels.at(*level);
    }
}

/// What `plan` is told of the machine and of where to look and write.
void read_plan_options(const SettingReader& reader, Options& options) {
    PlanRequest& plan = options.plan;
    plan.ranks = reader.count("ranks");
    plan.ranks_per_node = reader.count("ranks-per-node");
    plan.memory_per_node = reader.size("memory-per-node");
    const auto rate = [&](const char* option) {
        return reader.within(option, "greater than 0", [](double value) { return value > 0; });
    };
    plan.dgemm_gflops = rate("dgemm-gflops");
    plan.sgemm_gflops = rate("sgemm-gflops");
    plan.bf16_gflops = rate("bf16-gflops");
    plan.memory_gbps = rate("memory-gbps");
    plan.read_gbps = rate("read-gbps");
    plan.write_gbps = rate("write-gbps");
    plan.storage_gbps = rate("storage-gbps");
    plan.network_gbps = rate("network-gbps");
    plan.cards_per_node = reader.count("cards-per-node");
    plan.card_gflops = rate("card-gflops");
    plan.calibrate_from = reader.path("calibrate-from");
    plan.validate = reader.path("validate");
    plan.json = reader.path("json");
    if (plan.memory_per_node && options.memory_per_rank) {
        reader.faults().add(kMemoryTwice(reader.find("memory-per-node")->origin));
    }
}

struct Parsed {
    Request request;
    Options options;
};

Parsed parse(const std::vector<std::string>& arguments,
             const std::vector<std::string>& environment) {
    support::FaultList faults;
    Parsed result{gather_request(arguments, environment, faults), {}};
    const auto command = result.request.command;
    if (is_question(command)) {
        result.options.command = *command;
        result.options.help_words = result.request.words;
        result.request.settings.clear();
    } else {
        if (command == Command::sweep || (command == Command::plan && lists_runs(result.request))) {
            result.options = options_of_sweep(result.request, faults);
        } else if (command) {
            settle_conflicts(result.request, faults);
            result.options = options_of(result.request, faults);
        }
        faults.throw_if_any();
    }
    result.options.command_line = arguments;
    return result;
}

}  // namespace

Options options_of(const Request& request, support::FaultList& faults) {
    const SettingReader reader(request, faults);
    Options options;
    options.command = *request.command;
    read_folders(reader, options);
    read_pruning_options(reader, options);
    read_token_options(reader, options);
    read_computing(reader, options);
    options.max_seconds = reader.duration("max-time");
    // Signs of life are sent once a second.
    const auto silence = reader.within("peer-timeout", "at least 1, or 0 for no watch",
                                       [](double value) { return value == 0 || value >= 1; });
    options.peer_timeout = silence.value_or(options.peer_timeout);
    read_plan_options(reader, options);
    return options;
}

std::optional<Options> check_command_line(const std::vector<std::string>& arguments,
                                          support::FaultList& faults) {
    return is_question(request_of_line(arguments, faults).command)
               ? std::optional(parse(arguments, {}).options)
               : std::nullopt;
}

Options parse_options(const std::vector<std::string>& arguments,
                      const std::vector<std::string>& environment) {
    return parse(arguments, environment).options;
}

std::vector<std::string> resolved_arguments(const std::vector<std::string>& arguments,
                                            const std::vector<std::string>& environment) {
    const auto [request, options] = parse(arguments, environment);
    if (options.command == Command::version) {
        return {"--version"};
    }
    std::vector<std::string> resolved{std::string(name_of(options.command))};
    for (const auto& [name, setting] : request.settings) {
        if (name != "config") {
            resolved.push_back(
                fmt::format("--{}={}", name,
                            name == "calibration" ? value_of(options.calibration) : setting.value));
        }
    }
    resolved.insert(resolved.end(), request.words.begin(), request.words.end());
    return resolved;
}

OptionValues option_values() {
    OptionValues values;
    Request nothing;
    nothing.command = Command::run;
    nothing.values = &values;
    support::FaultList what_is_missing;
    options_of(nothing, what_is_missing);
    values["sparsity-type"] = {"unstructured", "2:4", "4:8", "mixed-N:8"};
    for (const Recipe& recipe : recipes()) {
        values["recipe"].emplace_back(recipe.name);
    }
    return values;
}

}  // namespace alphaprune::cli
