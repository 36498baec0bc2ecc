#include "choices.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/report/progress.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/transformer/choice_scores.hpp"
#include "commands.hpp"

namespace alphaprune::commands {
namespace {

const support::Failure<> kNoAccuracy{
    "commands.no-accuracy",
    "a log-likelihood is not a number: activations or losses are NaN or too large",
    "activations overflowed because weights are damaged, or the tokenizer is of another model",
    "check the model's weights and its tokenizer"};

const support::Warning<std::string, std::int64_t, std::int64_t> kShortened{
    "commands.shortened-contexts",
    "{}: {} contexts have lost their beginning: the model reads {} tokens",
    "context and choice together have more tokens than the model has positions, or than --seqlen",
    "give a longer --seqlen if the model can read more; lm-evaluation-harness shortens them as "
    "well"};

std::vector<model::Continuation> continuations_of(const model::ChoiceTask& task) {
    std::vector<model::Continuation> all;
    for (const model::ChoiceItem& item : task.items) {
        all.insert(all.end(), item.choices.begin(), item.choices.end());
    }
    return all;
}

formats::Json::Array array_of(const auto& values) {
    return {values.begin(), values.end()};
}

/// One item of a task as a line of JSON.
std::string line_of(const ChoiceFile& task, std::size_t number,
                    const transformer::ItemScore& score) {
    return formats::Json(
               formats::Json::Object{{"file", task.file.string()},
                                     {"item", static_cast<std::int64_t>(number)},
                                     {"loglikelihoods", array_of(score.likelihoods)},
                                     {"characters", array_of(task.task.items[number].characters)},
                                     {"chosen", score.chosen},
                                     {"chosen_norm", score.chosen_norm},
                                     {"answers", array_of(task.task.items[number].answers)}})
               .dump(-1) +
           "\n";
}

transformer::ChoiceScores scores_of(const parallel::Communicator& ranks,
                                    const parallel::NodeMap& nodes,
                                    const transformer::ForwardSettings& forward,
                                    const model::Catalogue& catalogue,
                                    const model::RowSource& source, const model::ChoiceTask& task) {
    report::ProgressLine line("choices", "sequences", ranks.is_root());
    return transformer::score_choices(
        task,
        transformer::log_likelihoods(
            ranks, nodes, catalogue, source, continuations_of(task),
            [&](std::int64_t done, std::int64_t total) { line.update(done, total); }, {forward}));
}

}  // namespace

std::vector<ChoiceFile> load_choices(const parallel::Communicator& ranks,
                                     const cli::Options& options,
                                     const model::Catalogue& catalogue) {
    std::vector<ChoiceFile> tasks;
    support::FaultList faults;
    for (const std::filesystem::path& file : options.choices) {
        try {
            tasks.push_back({file, model::choice_task_in(parallel::text_from_root(ranks, [&] {
                                 return model::bytes_of(model::read_choice_task(
                                     file, catalogue, options.sequence_length));
                             }))});
        } catch (const support::Error& error) {  // the same on every rank
            faults.add(error);
        }
    }
    parallel::run_collectively(ranks, [&] { faults.throw_if_any(); });
    for (const ChoiceFile& task : tasks) {
        if (task.task.shortened > 0) {
            support::log_warning(
                kShortened(task.file.string(), task.task.shortened, task.task.length));
        }
    }
    return tasks;
}

void evaluate_choices(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                      const cli::Options& options, const transformer::ForwardSettings& forward,
                      const model::Catalogue& catalogue, const model::RowSource& source,
                      const std::vector<ChoiceFile>& tasks) {
    std::string lines;
    std::string items;
    std::string without;
    for (const ChoiceFile& task : tasks) {
        const transformer::ChoiceScores scores =
            scores_of(ranks, nodes, forward, catalogue, source, task.task);
        for (std::size_t i = 0; i < scores.items.size(); ++i) {
            items += line_of(task, i, scores.items[i]);
        }
        if (!scores.is_number()) {
            without += (without.empty() ? "" : ", ") + task.file.string();
            continue;
        }
        lines += tasks.size() > 1 ? task.file.string() + "\n" : "";
        lines += fmt::format("choices acc {:.6g} acc_norm {:.6g} (items {})\n", scores.acc,
                             scores.acc_norm, scores.items.size());
    }
    parallel::run_on_root(ranks, [&] {
        if (!options.scores.empty()) {
            support::write_text_atomically(options.scores, items);
        }
    });
    print_result(ranks, lines);
    if (!without.empty()) {
        throw kNoAccuracy(without).mark_agreed();
    }
}

}  // namespace alphaprune::commands
