#include <gtest/gtest.h>

#include <cmath>

#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"
#include "report/sample_report.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::report {
namespace {

/// The error's text, or nothing when the report is read.
std::string reading_fault(const std::string& text) {
    try {
        run_report_from_json(formats::Json::parse(text, "r.json"), "r.json");
    } catch (const support::Error& error) {
        EXPECT_EQ(error.status(), support::ExitStatus::bad_request);
        return error.what();
    }
    return {};
}

std::string changed(const std::string& from, const std::string& to) {
    std::string text = to_json(test::pruned_report()).dump(-1);
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
}

TEST(RunReport, HasExactlyTheMembersOfTheContract) {
    const formats::Json document = to_json(test::pruned_report());
    const std::string text = document.dump(-1);
    EXPECT_TRUE(text.starts_with(
        R"({"schema_version":1,"program":{"version":"1.2.3","commit":"abcdef"},)"
        R"("command_line":["alphaprune_mpi","--model","a b"],)"
        R"("model":{"name":"toy","family":"llama","blocks":2,"matrices":4,)"
        R"("prunable_parameters":120,"block_weights":160,"prunable_share":0.75,)"
        R"("left_out":[{"names":"b.*.gate.weight","reason":"routers of experts",)"
        R"("tensors":2,"weights":40}],"fused":"split"},)"
        R"("run":{"ranks":3,"threads_per_rank":2,"hosts":["n1","n2"],)"
        R"("started":"2026-01-31T12:00:00Z","seconds":1.5,)"
        R"("phases":{"spectrum":1.0,"catalogue":0.25},"resumed_matrices":4,)"
        R"("attempts":2,"identity":"0123abcd",)"
        R"("gemm_gflops":61.5,"peak_memory":73400320,"forward_precision":"float32"},)"))
        << text;
    EXPECT_NE(text.find(R"("allocation":{"name":"alphapruning","metric":"alpha_peak",)"
                        R"("mapping_type":"block_wise","epsilon":0.3,"sparsity_ratio":0.7,)"
                        R"("max_sparsity":0.99,"bounded_blocks":[1]})"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find(R"("sparsity_ratio":0.5,"zeros":20,"sparsity":0.5,"solver":"lapack2",)"
                        R"("precision":"double","group_ranks":1,"seconds":0.125})"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find(R"("sparsity":0.7,"zeros":84,"perplexity":[])"), std::string::npos) << text;
}

TEST(RunReport, TellsTheLawOfASpectrum) {
    RunReport report = test::pruned_report();
    report.matrices[1].law = LawReport{"alpha_mid", 2.25, 0.5, 128, 0.0625};
    const formats::Json document = to_json(report);
    EXPECT_NE(document.dump(-1).find(R"("fit":{"metric":"alpha_mid","alpha":2.25,"lambda_min":0.5,)"
                                     R"("tail":128,"ks_distance":0.0625},"sparsity_ratio":0.5,)"),
              std::string::npos);
    const RunReport again = run_report_from_json(document, "r.json");
    EXPECT_FALSE(again.matrices[0].law);
    ASSERT_TRUE(again.matrices[1].law);
    EXPECT_EQ(again.matrices[1].law->tail, 128);
    EXPECT_EQ(to_json(again).dump(-1), document.dump(-1));
}

TEST(RunReport, TellsPatternCalibrationAndPerplexity) {
    RunReport report = test::pruned_report();
    report.sparsity_type = "2:4";
    report.calibration = CalibrationReport{"c.npy", 64, 16, 18446744073709551615U};
    report.perplexities = {{"e.npy", 512, 360, 26.5, 84.25}, {"t.txt", 64, 2, std::nullopt, 3.0}};
    const std::string text = to_json(report).dump(-1);
    EXPECT_NE(text.find(R"("prune_method":"magnitude","sparsity_type":"2:4",)"
                        R"("calibration":{"text":"c.npy","seqlen":64,"sequences":16,)"
                        R"("seed":18446744073709551615},)"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find(R"("perplexity":[{"text":"e.npy","seqlen":512,"windows":360,)"
                        R"("dense":26.5,"pruned":84.25},{"text":"t.txt","seqlen":64,"windows":2,)"
                        R"("dense":null,"pruned":3.0}])"),
              std::string::npos)
        << text;
    EXPECT_EQ(run_report_from_json(formats::Json::parse(text, "r"), "r").sparsity_type, "2:4");
}

TEST(RunReport, TellsTheFilesOfCalibrationWhereThereAreSeveral) {
    RunReport report = test::pruned_report();
    report.calibration = CalibrationReport{"a, b", 64, 16, 0, {{"a", 2, 11}, {"b", 0.5, 5}}};
    const std::string text = to_json(report).dump(-1);
    EXPECT_NE(text.find(R"("calibration":{"text":"a, b","seqlen":64,"sequences":16,"seed":0,)"
                        R"("files":[{"path":"a","weight":2.0,"sequences":11},)"
                        R"({"path":"b","weight":0.5,"sequences":5}]},)"),
              std::string::npos)
        << text;
    const RunReport again = run_report_from_json(formats::Json::parse(text, "r"), "r");
    ASSERT_EQ(again.calibration->files.size(), 2U);
    EXPECT_EQ(again.calibration->files[0].sequences, 11);
    EXPECT_EQ(again.calibration->files[1].weight, 0.5);
}

TEST(RunReport, TellsTheCandidatesOfASearch) {
    RunReport report = test::pruned_report();
    report.search = {{"uniform", INFINITY, true}, {"slope +0.06", 41.5, true}};
    const std::string text = to_json(report).dump(-1);
    EXPECT_NE(text.find(R"("search":[{"change":"uniform","perplexity":null,"better":true},)"
                        R"({"change":"slope +0.06","perplexity":41.5,"better":true}])"),
              std::string::npos)
        << text;
    const RunReport again = run_report_from_json(formats::Json::parse(text, "r"), "r");
    ASSERT_EQ(again.search.size(), 2U);
    EXPECT_FALSE(again.search[0].perplexity);
    EXPECT_EQ(again.search[1].perplexity, 41.5);
    EXPECT_EQ(to_json(test::pruned_report()).find("search"), nullptr);
}

TEST(RunReport, ReadsBackWhatIsLeftOutAndHowMatricesAreStored) {
    RunReport report = test::pruned_report();
    report.matrices[1].transposed = true;
    report.matrices[0].slice = {"b.0.experts", 3, 1, 1, 2};
    report.fused = "whole";
    const RunReport again = run_report_from_json(to_json(report), "r");
    EXPECT_EQ(again.fused, "whole");
    ASSERT_TRUE(again.matrices[0].slice);
    EXPECT_EQ(again.matrices[0].slice->tensor, "b.0.experts");
    EXPECT_EQ(again.matrices[0].slice->expert, 3);
    EXPECT_EQ(again.matrices[0].slice->first, 1);
    EXPECT_EQ(again.matrices[0].slice->run, 1);
    EXPECT_EQ(again.matrices[0].slice->stride, 2);
    EXPECT_FALSE(again.matrices[1].slice);
    EXPECT_EQ(again.block_weights, 160);
    ASSERT_EQ(again.left_out.size(), 1U);
    EXPECT_EQ(again.left_out[0].names, "b.*.gate.weight");
    EXPECT_EQ(again.left_out[0].reason, "routers of experts");
    EXPECT_EQ(again.left_out[0].tensors, 2);
    EXPECT_EQ(again.left_out[0].weights, 40);
    EXPECT_FALSE(again.matrices[0].transposed);
    EXPECT_TRUE(again.matrices[1].transposed);
}

TEST(RunReport, ReadsReportsThatSayNothingOfIt) {
    const std::string early = R"("block_weights":160,"prunable_share":0.75,"left_out")";
    EXPECT_EQ(reading_fault(changed(early, R"("unknown")")), "");
    EXPECT_NE(reading_fault(changed(R"("tensors":2,)", R"("tensors":"2",)")), "");
}

TEST(RunReport, TellsTheWindowsOfFarms) {
    RunReport report = test::analysed_report();
    EXPECT_TRUE(to_json(report).find("farms")->is_null());
    report.farms = FarmsReport{1.5, 2000, 10, 400};
    const std::string text = to_json(report).dump(-1);
    EXPECT_NE(text.find(R"("farms":{"aspect":1.5,"largest_side":2000,"offsets":10,"windows":400})"),
              std::string::npos)
        << text;
    EXPECT_NO_THROW(run_report_from_json(formats::Json::parse(text, "r"), "r"));
}

TEST(RunReport, AfterAnalyzeThereIsNothingOfPruning) {
    const formats::Json document = to_json(test::analysed_report());
    EXPECT_TRUE(document.find("prune_method")->is_null());
    EXPECT_TRUE(document.find("sparsity_type")->is_null());
    EXPECT_TRUE(document.find("calibration")->is_null());
    EXPECT_TRUE(document.find("perplexity")->elements().empty());
    EXPECT_EQ(run_report_from_json(document, "r").sparsity_type, "");
}

TEST(RunReport, TellsTheParametersOfOwlWhereItWasUsed) {
    RunReport report = test::pruned_report();
    report.allocation->name = "owl";
    report.allocation->own_options = {{"owl-lambda", "λ", 0.08}, {"owl-m", "M", 5}};
    const std::string text = to_json(report).dump(-1);
    EXPECT_NE(text.find(R"("bounded_blocks":[1],"owl_lambda":0.08,"owl_m":5.0})"),
              std::string::npos)
        << text;
    EXPECT_NO_THROW(run_report_from_json(formats::Json::parse(text, "r"), "r"));
}

TEST(PerplexityLines, SayWhereThereIsNoNumber) {
    RunReport report = test::pruned_report();
    report.perplexities = {{"e.npy", 8, 1, std::nan(""), -std::nan("")},
                           {"f.npy", 8, 1, 3.0, HUGE_VAL}};
    EXPECT_EQ(perplexity_lines(report),
              "perplexity not a number dense, not a number pruned (e.npy, seqlen 8, windows 1)\n"
              "perplexity 3.000 dense, not a number pruned (f.npy, seqlen 8, windows 1)\n");
    const std::string text = to_json(report).dump(-1);
    EXPECT_NE(text.find(R"("dense":null,"pruned":null},)"), std::string::npos) << text;
    EXPECT_NE(text.find(R"("dense":3.0,"pruned":null}])"), std::string::npos) << text;
    EXPECT_NO_THROW(run_report_from_json(formats::Json::parse(text, "r"), "r"));
}

TEST(PerplexityLines, OneATextWithWhatIsKnown) {
    RunReport report = test::pruned_report();
    EXPECT_EQ(perplexity_lines(report), "");
    report.perplexities = {{"e.npy", 512, 360, 26.6661, 84.1},
                           {"dense.npy", 64, 2, 3.0, std::nullopt},
                           {"pruned.npy", 8, 1, std::nullopt, 1234.5}};
    EXPECT_EQ(perplexity_lines(report),
              "perplexity 26.666 dense, 84.100 pruned (e.npy, seqlen 512, windows 360)\n"
              "perplexity 3.000 dense (dense.npy, seqlen 64, windows 2)\n"
              "perplexity 1234.500 pruned (pruned.npy, seqlen 8, windows 1)\n");
}

TEST(RunReport, UndefinedMetricsAreNull) {
    const formats::Json document = to_json(test::pruned_report());
    const formats::Json::Array& matrices = document.find("matrices")->elements();
    const formats::Json* first = matrices[0].find("metrics");
    const formats::Json* last = matrices[3].find("metrics");
    ASSERT_EQ(first->members().size(), spectrum::kMetrics);
    ASSERT_EQ(last->members().size(), spectrum::kMetrics);
    EXPECT_EQ(first->find("alpha_mid")->as_number(), 2.0);
    EXPECT_TRUE(last->find("alpha_mid")->is_null());
}

TEST(RunReport, ReadsBackWhatItWrote) {
    const test::TemporaryFolder folder;
    for (const RunReport& report : {test::pruned_report(), test::analysed_report()}) {
        write_report_json(report, folder.path());
        const RunReport again = read_run_report(folder / "report.json");
        EXPECT_EQ(to_json(again).dump(), to_json(report).dump());
        EXPECT_EQ(again.phases, report.phases);
        EXPECT_EQ(again.matrices[0].zeros, report.matrices[0].zeros);
        EXPECT_TRUE(std::isnan(again.matrices[3].metrics[spectrum::Metric::alpha_peak]));
    }
    EXPECT_FALSE(std::filesystem::exists(folder / "report.json.partial"));
}

TEST(RunReport, AfterAnalyzeThereAreNoZeros) {
    const RunReport report = test::analysed_report();
    const formats::Json document = to_json(report);
    EXPECT_TRUE(document.find("zeros")->is_null());
    EXPECT_TRUE(document.find("sparsity")->is_null());
    EXPECT_TRUE(document.find("allocation")->is_null());
    EXPECT_EQ(realized_sparsity(report), 0);
}

TEST(RunReport, RealisedSparsityIsWeightedBySize) {
    RunReport report = test::pruned_report();
    EXPECT_DOUBLE_EQ(realized_sparsity(report), 84.0 / 120.0);
    report.matrices[0].zeros.reset();
    EXPECT_DOUBLE_EQ(realized_sparsity(report), 64.0 / 80.0);
}

TEST(RunReport, WithoutSpectraMetricsAreEmpty) {
    RunReport report = test::pruned_report();
    for (MatrixReport& matrix : report.matrices) {
        matrix.has_metrics = false;
    }
    const formats::Json document = to_json(report);
    EXPECT_TRUE(document.find("matrices")->elements()[0].find("metrics")->members().empty());
    EXPECT_FALSE(run_report_from_json(document, "r").matrices[0].has_metrics);
}

TEST(RunReport, NamesTheFieldThatIsWrong) {
    EXPECT_EQ(reading_fault(changed("toy", "other")), "");
    const auto expect_fault = [](const std::string& text, const std::string& part) {
        const std::string fault = reading_fault(text);
        EXPECT_NE(fault.find(part), std::string::npos) << fault;
        EXPECT_NE(fault.find("r.json"), std::string::npos) << fault;
    };
    expect_fault("[]", "(document)");
    expect_fault("{}", "'schema_version' is missing");
    expect_fault(changed(R"("schema_version":1)", R"("schema_version":2)"), "schema version 2");
    expect_fault(changed(R"("zeros":36)", R"("zeros":"36")"), "'matrices[2].zeros'");
    expect_fault(changed(R"("zeros":36)", R"("zeros":-1)"), "'matrices[2].zeros'");
    expect_fault(changed(R"("zeros":36)", R"("zeros":41)"), "within the 40 weights");
    expect_fault(changed(R"("rows":4)", R"("rows":4.5)"), "'matrices[0].rows'");
    expect_fault(changed(R"("rows":4)", R"("rows":4611686018427387904)"), "'matrices[0]'");
    expect_fault(changed(R"("block":1)", R"("block":3000000000)"), "'matrices[2].block'");
    expect_fault(changed(R"("cols":10)", R"("columns":10)"), "'matrices[0].cols' is missing");
    expect_fault(changed(R"("ranks":3)", R"("ranks":null)"), "'run.ranks'");
    expect_fault(changed(R"("hosts":["n1",)", R"("hosts":[1,)"), "'run.hosts[0]'");
    expect_fault(changed(R"("matrices":4)", R"("matrices":5)"), "it has 4");
    expect_fault(changed("b.0.k", "b.0.q"), "'b.0.q' stands there twice");
    expect_fault(changed(R"("commit":"abcdef")", R"("commit":7)"), "'program.commit'");
}

TEST(RunReport, AMissingFileIsNamed) {
    try {
        read_run_report("/nonexistent/report.json");
        ADD_FAILURE() << "no error";
    } catch (const support::Error& error) {
        EXPECT_NE(std::string(error.what()).find("/nonexistent/report.json"), std::string::npos);
    }
}

}  // namespace
}  // namespace alphaprune::report
