#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

#include "alphaprune/support/message.hpp"
#include "alphaprune/support/number.hpp"
#include "calibration_files.hpp"
#include "option_table.hpp"
#include "setting_reader.hpp"
#include "settings.hpp"
#include "value_lists.hpp"

namespace alphaprune::cli {
namespace {

using support::BadRequest;

const BadRequest<std::string, std::string> kNoList{
    "cli.unreadable-list", "--{} '{}' is not a list of values",
    "a part between commas is empty, or a range is not FIRST:LAST:STEP with a positive step",
    "put commas between values, as in 0.5,0.6,0.7, or write a range, as in 0.1:0.4:0.1"};
const BadRequest<std::string_view> kUntriedEpsilon{
    "cli.epsilons-without-calibration",
    "several values of --epsilon cannot be tried with --prune-method {}",
    "they are scored on calibration sequences, and this method looks at none",
    "give one --epsilon, or choose a calibrated method"};
const BadRequest<std::size_t, std::size_t> kTooManyRuns{
    "cli.too-many-runs", "the lists stand for {} runs, and a sweep has at most {}",
    "the numbers of values of all lists multiply", "sweep over fewer values at a time"};
const BadRequest<> kNoBest{"cli.no-best-of-sweep", "--keep best needs --eval",
                           "the best run of a sweep is the one with the least perplexity",
                           "give a text with --eval, or --keep all or none"};

/// What the runs of a sweep differ in, and the values that each may take.
struct Axis {
    std::string_view option;
    std::vector<std::string> values = {};
};

/// Options of the sweep as a whole, and those that a point sets by itself.
constexpr std::array<std::string_view, 10> kNotOfPoints{
    "output", "overwrite", "resume",  "keep",      "max-time",
    "config", "dry-run",   "epsilon", "log-level", "peer-timeout"};

/// As its runs are to be read: `plan` needs less of them than `run`.
Command command_of_points(const Request& sweep) {
    return sweep.command == Command::plan ? Command::plan : Command::run;
}

/// The values that the setting lists, each once; one that is no list is a fault.
std::vector<std::string> values_of_axis(const Request& request, std::string_view option,
                                        bool numbers, support::FaultList& faults) {
    const Setting* setting = request.find(option);
    if (setting == nullptr) {
        return {};
    }
    const auto values =
        numbers ? numbers_of(setting->value) : std::optional(parts_of(setting->value));
    if (!values || std::ranges::count(*values, std::string()) > 0) {
        faults.add(kNoList(setting->origin, std::string(option), setting->value));
        return {};
    }
    std::vector<std::string> different;
    std::set<std::string> seen;
    for (const std::string& value : *values) {
        if (seen.insert(numbers ? value : canonical_value(value)).second) {
            different.push_back(value);
        }
    }
    return different;
}

/// Faults of several points, each once.
class DifferentFaults {
  public:
    explicit DifferentFaults(support::FaultList& faults) : faults_(faults) {}

    void add(const support::FaultList& of_point) {
        for (const support::Fault& fault : of_point.faults()) {
            add(fault);
        }
    }
    void add(const support::Fault& fault) {
        if (std::ranges::find(faults_.faults(), fault) == faults_.faults().end()) {
            faults_.add(support::Error(support::ExitStatus::bad_request, {fault}));
        }
    }

  private:
    support::FaultList& faults_;
};

/// Values of a choice may not stand in the name of a folder.
std::string fit_for_names(std::string text) {
    std::ranges::replace_if(
        text,
        [](unsigned char c) { return std::isalnum(c) == 0 && c != '.' && c != '_' && c != '+'; },
        '_');
    return text;
}

std::string name_of_point(const Options& options) {
    std::string allocation(options.allocation->name);
    if (!options.allocation->is_computed()) {
        return fmt::format("{}-{}_{}", options.pruner->name, allocation,
                           fit_for_names(options.allocation_file.stem().string()));
    }
    return fmt::format("{}-{}-{}", options.pruner->name, allocation, options.ratios.sparsity_ratio);
}

std::vector<std::string> words_of(const Request& request, const Options& options) {
    std::vector<std::string> words{std::string(name_of(options.command))};
    for (const auto& [name, setting] : request.settings) {
        if (std::ranges::find(kNotOfPoints, name) != kNotOfPoints.end()) {
            continue;
        }
        Setting written = setting;
        if (name == "calibration") {
            written.value = value_of(options.calibration);
        }
        for (std::string_view rest = written.value; true;) {
            const std::size_t end = rest.find(kBetweenValues);
            words.push_back(fmt::format("--{}={}", name, rest.substr(0, end)));
            if (end == std::string_view::npos) {
                break;
            }
            rest.remove_prefix(end + 1);
        }
    }
    return words;
}

/// Takes over what a point's options tell of the stages that all points share.
void share(const Options& point, Options& sweep) {
    sweep.mask_from = point.mask_from;
    if (sweep.calibration.empty() && !point.calibration.empty()) {
        sweep.calibration = point.calibration;
        sweep.sequences = point.sequences;
        sweep.seed = point.seed;
    }
    sweep.sequence_length = sweep.sequence_length ? sweep.sequence_length : point.sequence_length;
    if (point.forward_precision) {
        sweep.forward_precision = point.forward_precision;
    }
    if (point.allocation->needs_metric()) {
        sweep.metric = point.metric;
        sweep.farms = point.farms;
        sweep.metric_cache = point.metric_cache;
        sweep.precision = point.precision;
    }
}

class PointMaker {
  public:
    PointMaker(const Request& request, support::FaultList& faults)
        : request_(request),
          faults_(faults),
          axes_{Axis{"prune-method", values_of_axis(request, "prune-method", false, faults)},
                Axis{"allocation", values_of_axis(request, "allocation", false, faults)},
                Axis{"sparsity-ratio", values_of_axis(request, "sparsity-ratio", true, faults)}},
          epsilons_(values_of_axis(request, "epsilon", true, faults)) {}

    /// All combinations; what they have in common goes to `sweep`. @return false: there are too
    /// many
    bool make(Options& sweep) {
        constexpr std::size_t kMostRuns = 1000;
        std::size_t runs = 1;
        for (const Axis& axis : axes_) {
            runs *= std::max<std::size_t>(axis.values.size(), 1);
        }
        if (runs > kMostRuns) {
            faults_.add(kTooManyRuns(kCommandLine, runs, kMostRuns).faults().front());
            return false;
        }
        for_each_value(axes_[0], [&](const std::string* pruner) {
            for_each_value(axes_[1], [&](const std::string* allocation) {
                for_each_value(axes_[2], [&](const std::string* ratio) {
                    add({pruner, allocation, ratio}, sweep);
                });
            });
        });
        return true;
    }

    /// Options that have no effect in any point: faults, or dropped where a run would drop them.
    void settle_unused(Request& request) {
        support::FaultList faults;
        Request plain =
            request_of_point({first(axes_[0]), first(axes_[1]), first(axes_[2])}, false);
        settle_conflicts(plain, faults);
        for (const auto& [name, setting] : request_.settings) {
            if (used_.contains(name) || find_option(name) == nullptr ||
                !find_option(name)->known_to(Command::run)) {
                continue;
            }
            for (const support::Fault& fault : faults.faults()) {
                if (fault.what.starts_with(fmt::format("--{} ", name))) {
                    faults_.add(fault);
                }
            }
            if (plain.find(name) == nullptr) {
                request.settings.erase(name);
            }
        }
    }

  private:
    using Values = std::array<const std::string*, 3>;  ///< of the axes; nullptr: not given

    static const std::string* first(const Axis& axis) {
        return axis.values.empty() ? nullptr : &axis.values.front();
    }
    template <class Use>
    static void for_each_value(const Axis& axis, Use use) {
        if (axis.values.empty()) {
            use(nullptr);
        }
        for (const std::string& value : axis.values) {
            use(&value);
        }
    }

    /// As one run states it. A value of a list that says which method is chosen is stronger than
    /// all other options, so that those without an effect beside this one are dropped.
    Request request_of_point(const Values& values, bool one_of_several) const {
        Request one = request_;
        one.command = command_of_points(request_);
        for (std::size_t a = 0; a < values.size(); ++a) {
            const auto found = one.settings.find(axes_[a].option);
            if (found == one.settings.end()) {
                continue;
            }
            if (values[a] == nullptr) {  // no list: a fault, and as if it were not given
                one.settings.erase(found);
                continue;
            }
            found->second.value = *values[a];
            const bool method = axes_[a].option != "sparsity-ratio";
            if (one_of_several && method && axes_[a].values.size() > 1) {
                found->second.source = Source::sweep;
            }
        }
        if (epsilons_.empty()) {
            one.settings.erase("epsilon");
        } else {
            one.settings.find("epsilon")->second.value = epsilons_.front();
        }
        return one;
    }

    void add(const Values& values, Options& sweep) {
        Request one = request_of_point(values, true);
        support::FaultList faults;
        settle_conflicts(one, faults);
        const Options options = options_of(one, faults);
        const std::vector<double> epsilons = epsilons_of(one, options, faults);
        faults_.add(faults);
        for (const auto& [name, setting] : one.settings) {
            used_.insert(name);
        }
        std::vector<std::string> words = words_of(one, options);
        std::vector<SweepPoint>& points = sweep.sweep.points;
        if (std::ranges::find(points, words, &SweepPoint::words) != points.end()) {
            return;  // what tells them apart has no effect in either
        }
        if (points.empty()) {
            const SweepRequest none = sweep.sweep;
            sweep = options;
            sweep.command = *request_.command;
            sweep.sweep = none;
        }
        share(options, sweep);
        sweep.sweep.points.push_back(
            {unused(name_of_point(options), sweep.sweep.points), std::move(words), epsilons});
    }

    static std::string unused(const std::string& name, const std::vector<SweepPoint>& points) {
        std::string free = name;
        for (int number = 2; std::ranges::find(points, free, &SweepPoint::name) != points.end();
             ++number) {
            free = fmt::format("{}-{}", name, number);
        }
        return free;
    }

    std::vector<double> epsilons_of(Request one, const Options& options,
                                    support::FaultList& faults) const {
        std::vector<double> epsilons;
        if (one.find("epsilon") == nullptr) {
            return epsilons;
        }
        for (const std::string& value : epsilons_) {
            one.settings.find("epsilon")->second.value = value;
            support::FaultList of_value;
            epsilons.push_back(options_of(one, of_value).ratios.epsilon);
            DifferentFaults(faults).add(of_value);
        }
        if (epsilons.size() > 1 &&
            !pruning::needs_activations(*options.pruner, options.pruner_settings())) {
            faults.add(kUntriedEpsilon(one.find("epsilon")->origin, options.pruner->name));
        }
        return epsilons;
    }

    const Request& request_;
    DifferentFaults faults_;
    std::array<Axis, 3> axes_;
    std::vector<std::string> epsilons_;
    std::set<std::string, std::less<>> used_;  ///< options that some point has
};

}  // namespace

bool lists_runs(const Request& request) {
    const auto has = [&](std::string_view option, std::string_view separators) {
        const Setting* setting = request.find(option);
        return setting != nullptr && setting->value.find_first_of(separators) != std::string::npos;
    };
    const Setting* allocation = request.find("allocation");
    const bool file = allocation != nullptr && allocation->value.starts_with("file:");
    return has("sparsity-ratio", ",:") || has("epsilon", ",:") || has("prune-method", ",") ||
           (has("allocation", ",") && !file);
}

Options options_of_sweep(Request& request, support::FaultList& faults) {
    Options sweep;
    const Request written = request;
    PointMaker points(written, faults);
    if (!points.make(sweep)) {
        return sweep;
    }
    points.settle_unused(request);
    sweep.sweep.keep = sweep.evaluations.empty() ? Keep::all : Keep::best;
    const SettingReader reader(request, faults);
    if (const auto keep = reader.choice("keep", {{"all", "best", "none"}, {}})) {
        sweep.sweep.keep = static_cast<Keep>(*keep);
        if (sweep.sweep.keep == Keep::best && sweep.evaluations.empty()) {
            faults.add(kNoBest(reader.find("keep")->origin));
        }
    }
    return sweep;
}

Options options_of_point(const Options& sweep, const SweepPoint& point,
                         std::optional<double> epsilon) {
    std::vector<std::string> words = point.words;
    if (epsilon) {
        words.push_back(fmt::format("--epsilon={}", *epsilon));
    }
    if (!sweep.output.empty()) {
        words.push_back(fmt::format("--output={}", (sweep.output / point.name).string()));
    }
    Options options = parse_options(words, {});
    const std::string program =
        sweep.command_line.empty() ? "alphaprune_mpi" : sweep.command_line.front();
    options.command_line.insert(options.command_line.begin(), program);
    options.resume = true;  // what an earlier attempt at the sweep has left
    return options;
}

}  // namespace alphaprune::cli
