#include <cmath>

#include "alphaprune/report/comparison.hpp"

namespace alphaprune::report {
namespace {

using formats::Json;

Json number_or_null(const std::optional<double>& value) {
    return value ? Json(*value) : Json();
}

Json perplexities_json(const Comparison& comparison, const ComparedRun& run) {
    Json::Array perplexities;
    for (const ComparedPerplexity& found : run.perplexities) {
        const ComparedText& on = comparison.texts[found.text];
        perplexities.push_back(Json::Object{{"text", on.path},
                                            {"seqlen", on.seqlen},
                                            {"windows", on.windows},
                                            {"dense", number_or_null(found.dense)},
                                            {"pruned", number_or_null(found.pruned)}});
    }
    return perplexities;
}

Json choice_json(const EpsilonChoiceReport& choice) {
    Json::Array tried;
    for (const EpsilonTrialReport& trial : choice.tried) {
        tried.push_back(Json::Object{{"epsilon", trial.epsilon},
                                     {"perplexity", number_or_null(trial.perplexity)}});
    }
    return Json::Object{{"held_out", choice.held_out}, {"tried", std::move(tried)}};
}

Json run_json(const Comparison& comparison, const ComparedRun& run) {
    Json::Object members{{"folder", run.folder},
                         {"model", comparison.models[run.model].label},
                         {"prune_method", run.prune_method},
                         {"allocation", run.allocation},
                         {"metric", run.metric.empty() ? Json() : Json(run.metric)},
                         {"epsilon", number_or_null(run.epsilon)},
                         {"sparsity_type", run.sparsity_type},
                         {"sparsity_ratio", run.sparsity_ratio},
                         {"sparsity", run.sparsity},
                         {"perplexity", perplexities_json(comparison, run)},
                         {"seconds", run.seconds},
                         {"prune_seconds", run.prune_seconds},
                         {"ranks", run.ranks},
                         {"kept_checkpoint", run.kept_checkpoint}};
    if (run.epsilon_choice) {
        members.emplace_back("epsilon_choice", choice_json(*run.epsilon_choice));
    }
    if (!run.setting.empty()) {
        members.emplace_back("setting", run.setting);
    }
    return members;
}

}  // namespace

formats::Json comparison_json(const Comparison& comparison, const ComparisonHead& head) {
    Json::Object document{{"schema_version", 1}};
    document.insert(document.end(), head.members.begin(), head.members.end());
    Json::Array models;
    for (const ComparedModel& model : comparison.models) {
        models.push_back(Json::Object{{"label", model.label},
                                      {"name", model.name},
                                      {"family", model.family},
                                      {"prunable_parameters", model.prunable_parameters},
                                      {"forward_precision", model.forward_precision}});
    }
    Json::Array runs;
    for (const ComparedRun& run : comparison.runs) {
        runs.push_back(run_json(comparison, run));
    }
    document.emplace_back("models", std::move(models));
    document.emplace_back("runs", std::move(runs));
    return document;
}

}  // namespace alphaprune::report
