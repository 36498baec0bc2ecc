#include <gtest/gtest.h>

#include "alphaprune/support/file.hpp"
#include "cli/faults_of.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::cli {
namespace {

using test::expect_faults;
using test::parsed;
using test::Words;
using Files = std::vector<CalibrationFile>;

/// A run that is calibrated on these.
Words calibrated_on(const Words& files) {
    Words arguments = test::run_with({"--prune-method=wanda"});
    for (const std::string& file : files) {
        arguments.insert(arguments.end(), {"--calibration", file});
    }
    return arguments;
}

/// A folder with files that have nothing in them.
class CalibrationFiles : public ::testing::Test {
  protected:
    std::string made(const std::string& name) const {
        support::write_text_atomically((folder_ / name).string(), "");
        return name_of(name);
    }
    std::string name_of(const std::string& name) const { return (folder_ / name).string(); }

  private:
    test::TemporaryFolder folder_;
};

TEST_F(CalibrationFiles, HaveEqualSharesUnlessWeightsAreGiven) {
    EXPECT_EQ(parsed(calibrated_on({"a.npy", "b.txt", "c d"})).calibration,
              (Files{{"a.npy", 1}, {"b.txt", 1}, {"c d", 1}}));
    EXPECT_EQ(parsed(calibrated_on({"a.npy:2", "b:0.5", "c:1e-3", "d:x:3"})).calibration,
              (Files{{"a.npy", 2}, {"b", 0.5}, {"c", 1e-3}, {"d:x", 3}}));
}

TEST_F(CalibrationFiles, AColonMayBelongToTheName) {
    const std::string whole = made("a:2");
    EXPECT_EQ(parsed(calibrated_on({whole})).calibration, (Files{{whole, 1}}));
    EXPECT_EQ(parsed(calibrated_on({whole + ":3"})).calibration, (Files{{whole, 3}}));
    EXPECT_EQ(parsed(calibrated_on({"c:\\texts", "x:", ":2"})).calibration,
              (Files{{"c:\\texts", 1}, {"x:", 1}, {":2", 1}}));
    made("a");
    EXPECT_EQ(parsed(calibrated_on({whole})).calibration, (Files{{whole, 1}}));
}

TEST_F(CalibrationFiles, WrongWeightsAreAllNamed) {
    expect_faults(calibrated_on({"a:0", "b:-1", "c:inf", "d:nan", "e:2"}),
                  {"--calibration a:0: the weight '0' is not a number above 0 | command line | "
                   "write FILE:WEIGHT, as in a:2",
                   "the weight '-1'", "the weight 'inf'", "the weight 'nan'"});
    const std::string there = made("there");
    for (const char* weight : {"x", "1,5", "2x", "+2", "", "1e999"}) {
        std::string value = there;
        expect_faults(calibrated_on({value.append(":").append(weight)}),
                      {std::string("the weight '") + weight + "' is not a number above 0"});
    }
}

TEST_F(CalibrationFiles, NoneIsNamedTwice) {
    expect_faults(calibrated_on({"a", "b", "a:2"}),
                  {"--calibration names a twice | command line | name it once, with a weight"});
}

TEST_F(CalibrationFiles, MeanTheSameWhereAFileDoesNotExist) {
    const std::string name = "a:2";
    const Words resolved = resolved_arguments(calibrated_on({made(name), "b:1", "c:0.1"}), {});
    std::filesystem::remove(name_of(name));
    EXPECT_EQ(parsed(resolved).calibration, (Files{{name_of(name), 1}, {"b", 1}, {"c", 0.1}}));
    EXPECT_EQ(resolved_arguments(resolved, {}), resolved);
}

}  // namespace
}  // namespace alphaprune::cli
