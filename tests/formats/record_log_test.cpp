#include "alphaprune/formats/record_log.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <random>

#include "support/temporary_folder.hpp"

namespace alphaprune::formats {
namespace {

constexpr std::uint64_t kRun = 0x1234567890abcdef;

class RecordLog : public testing::Test {
  protected:
    std::vector<Record> write_some() {
        std::mt19937 random(7);
        std::vector<Record> records;
        RecordLogWriter writer(path_, kRun);
        for (const std::size_t size : {0U, 1U, 24U, 60U, 7U}) {
            Record record{random(), std::vector<std::byte>(size)};
            std::ranges::generate(record.payload, [&] { return std::byte(random() & 0xFF); });
            writer.append(record.kind, record.payload);
            records.push_back(std::move(record));
        }
        writer.sync();
        return records;
    }
    std::vector<Record> read(std::uint64_t run = kRun) {
        RecordLogReader reader(path_, run);
        std::vector<Record> records;
        while (auto record = reader.next()) {
            records.push_back(std::move(*record));
        }
        damage_ = reader.damage();
        EXPECT_FALSE(reader.next());  // and stays at the end
        return records;
    }
    std::string contents() {
        std::ifstream in(path_, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    void put(const std::string& contents) {
        std::ofstream(path_, std::ios::binary | std::ios::trunc) << contents;
    }
    static bool is_prefix(const std::vector<Record>& some, const std::vector<Record>& all) {
        return some.size() <= all.size() &&
               std::equal(some.begin(), some.end(), all.begin(), [](const auto& a, const auto& b) {
                   return a.kind == b.kind && a.payload == b.payload;
               });
    }

    test::TemporaryFolder folder_;
    std::filesystem::path path_ = folder_ / "some.log";
    std::string damage_;
};

TEST_F(RecordLog, GivesBackWhatWasWritten) {
    const auto written = write_some();
    const auto found = read();
    EXPECT_EQ(found.size(), written.size());
    EXPECT_TRUE(is_prefix(found, written));
    EXPECT_EQ(damage_, "");
    const std::string file = contents();
    for (const Record& record : found) {
        EXPECT_EQ(file.substr(record.place, record.payload.size()),
                  std::string(reinterpret_cast<const char*>(record.payload.data()),
                              record.payload.size()));
    }
}

TEST_F(RecordLog, TornAnywhereGivesWhatIsWhole) {
    const auto written = write_some();
    const std::string whole = contents();
    std::size_t most = 0;
    for (std::size_t length = 0; length < whole.size(); ++length) {
        put(whole.substr(0, length));
        const auto found = read();
        EXPECT_TRUE(is_prefix(found, written));
        EXPECT_LT(found.size(), written.size());
        EXPECT_GE(found.size(), most);  // a longer file never has fewer
        most = found.size();
        const bool between = damage_.empty();
        EXPECT_EQ(between, length >= 16 && contents().size() == length && !found.empty()
                               ? found.back().place + found.back().payload.size() + 8 == length
                               : length == 16)
            << length;
    }
    EXPECT_EQ(most, written.size() - 1);
}

TEST_F(RecordLog, AChangedBitEndsIt) {
    const auto written = write_some();
    const std::string whole = contents();
    for (std::size_t at = 0; at < whole.size(); ++at) {
        std::string changed = whole;
        changed[at] = static_cast<char>(changed[at] ^ 0x10);
        put(changed);
        const auto found = read();
        EXPECT_LT(found.size(), written.size()) << at;
        EXPECT_TRUE(is_prefix(found, written)) << at;
        EXPECT_NE(damage_, "") << at;
    }
}

TEST_F(RecordLog, OfAnotherRunIsNotRead) {
    write_some();
    EXPECT_TRUE(read(kRun + 1).empty());
    EXPECT_NE(damage_.find("does not belong to this run"), std::string::npos);
}

TEST_F(RecordLog, RecordsDoNotPassInAnotherPlace) {
    write_some();
    const std::string whole = contents();
    // The first record, an empty one, once more behind the last.
    put(whole + whole.substr(16, 24));
    EXPECT_EQ(read().size(), 5U);
    EXPECT_NE(damage_, "");
}

}  // namespace
}  // namespace alphaprune::formats
