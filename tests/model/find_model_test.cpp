#include "alphaprune/model/find_model.hpp"

#include <gtest/gtest.h>

#include <map>

#include "faults.hpp"
#include "support/model_folder.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::model {
namespace {

namespace fs = std::filesystem;
using test::count_faults;
using test::faults_of;

class FindModel : public testing::Test {
  protected:
    /// A folder with a config.json.
    fs::path make_model(const fs::path& folder) {
        fs::create_directories(folder);
        test::write_file(folder / "config.json", "{}");
        return folder;
    }
    /// As huggingface_hub lays it out.
    fs::path make_cached(const fs::path& cache, const std::string& folder,
                         const std::string& revision = "0123abcd") {
        fs::create_directories(cache / folder / "refs");
        test::write_file(cache / folder / "refs/main", revision + "\n");
        return make_model(cache / folder / "snapshots" / revision);
    }

    test::TemporaryFolder folder_;
    const fs::path root_ = folder_ / "root";
    const fs::path cache_ = folder_ / "cache";
    const ModelPlaces places_{root_, {cache_}};
};

TEST_F(FindModel, PathsAreTakenAsTheyAre) {
    EXPECT_EQ(find_model((folder_ / "absent").string(), places_).folder, folder_ / "absent");
    EXPECT_EQ(find_model("./absent", places_).folder, "./absent");
    EXPECT_EQ(find_model("a/b/c", places_).folder, "a/b/c");
    EXPECT_EQ(find_model("absent/", places_).folder, "absent/");
}

TEST_F(FindModel, NamesAreFoundInTheRootThenInTheCaches) {
    const fs::path cached = make_cached(cache_, "models--meta-llama--Llama-2-70b-hf");
    FoundModel found = find_model("70b", places_);
    EXPECT_EQ(found.folder, cached);
    EXPECT_EQ(found.name, "Llama-2-70b-hf");
    EXPECT_EQ(find_model("meta-llama/Llama-2-70b-hf", places_).folder, cached);

    const fs::path in_root_as_cache = make_cached(root_, "models--meta-llama--Llama-2-70b-hf");
    EXPECT_EQ(find_model("llama2-70b", places_).folder, in_root_as_cache);
    const fs::path with_organisation = make_model(root_ / "meta-llama/Llama-2-70b-hf");
    EXPECT_EQ(find_model("70B", places_).folder, with_organisation);
    EXPECT_EQ(find_model("meta-llama/Llama-2-70b-hf", places_).folder, with_organisation);
    const fs::path bare = make_model(root_ / "Llama-2-70b-hf");
    EXPECT_EQ(find_model("70b", places_).folder, bare);
    const fs::path called_so = make_model(root_ / "70b");
    found = find_model("70b", places_);
    EXPECT_EQ(found.folder, called_so);
    EXPECT_TRUE(found.name.empty());
}

TEST_F(FindModel, AnyNameWillDo) {
    const fs::path mine = make_model(root_ / "my-model");
    EXPECT_EQ(find_model("my-model", places_).folder, mine);
    const fs::path cached = make_cached(cache_, "models--some--other");
    EXPECT_EQ(find_model("some/other", places_).folder, cached);
    EXPECT_EQ(find_model("some/other", {{}, {folder_ / "none", cache_}}).folder, cached);
}

TEST_F(FindModel, MainIsTheRevisionTaken) {
    make_cached(cache_, "models--some--other", "aaaa");
    const fs::path main = make_cached(cache_, "models--some--other", "bbbb");
    EXPECT_EQ(find_model("some/other", places_).folder, main);
    fs::remove(cache_ / "models--some--other/refs/main");
    EXPECT_EQ(count_faults(faults_of([&] { find_model("some/other", places_); }),
                           {"several revisions", "aaaa, bbbb"}),
              1);
    test::write_file(cache_ / "models--some--other/refs/main", "../../../root");
    EXPECT_EQ(count_faults(faults_of([&] { find_model("some/other", places_); }), {"refs/main"}),
              1);
}

TEST_F(FindModel, TheOnlyRevisionNeedsNoMain) {
    const fs::path only = make_cached(cache_, "models--some--other", "aaaa");
    fs::remove_all(cache_ / "models--some--other/refs");
    EXPECT_EQ(find_model("some/other", places_).folder, only);
    fs::remove_all(only);
    EXPECT_EQ(count_faults(faults_of([&] { find_model("some/other", places_); }),
                           {"no model 'some/other'"}),
              1);
}

TEST_F(FindModel, AnyRevisionOfACacheIsFound) {
    const std::string name = "models--some--other";
    const fs::path main = make_cached(cache_, name, "0123456789abcdef");
    const fs::path other = make_model(cache_ / name / "snapshots/0123456fedcba987");
    test::write_file(cache_ / name / "refs/v1.0", "0123456fedcba987");
    fs::create_directories(cache_ / name / "refs/refs/pr");
    test::write_file(cache_ / name / "refs/refs/pr/1", "0123456fedcba987\n");
    const auto find = [&](const std::string& revision) {
        ModelPlaces places = places_;
        places.revision = revision;
        return find_model("some/other", places).folder;
    };
    EXPECT_EQ(find(""), main);
    EXPECT_EQ(find("main"), main);
    EXPECT_EQ(find("v1.0"), other);
    EXPECT_EQ(find("refs/pr/1"), other);
    EXPECT_EQ(find("0123456fedcba987"), other);
    EXPECT_EQ(find("0123456f"), other);
    EXPECT_EQ(count_faults(faults_of([&] { find("0123456"); }), {"several revisions"}), 1);
    for (const char* absent : {"012345", "0123456e", "v2.0", "mai"}) {
        EXPECT_EQ(
            count_faults(faults_of([&] { find(absent); }), {absent, "v1.0", "0123456789abcdef"}), 1)
            << absent;
    }
    for (const char* bad : {"../main", "/etc/passwd", "refs/../../x", "a\\b"}) {
        EXPECT_EQ(count_faults(faults_of([&] { find(bad); }), {"cannot be the name of a revision"}),
                  1)
            << bad;
    }
}

TEST_F(FindModel, FoldersHaveNoRevisions) {
    ModelPlaces places = places_;
    places.revision = "main";
    const fs::path folder = make_model(root_ / "70b");
    EXPECT_EQ(count_faults(faults_of([&] { find_model(folder.string(), places); }),
                           {"--revision has no effect"}),
              1);
    EXPECT_EQ(count_faults(faults_of([&] { find_model("70b", places); }), {"no model '70b of"}), 1);
    const fs::path cached = make_cached(cache_, "models--meta-llama--Llama-2-70b-hf");
    EXPECT_EQ(find_model("70b", places).folder, cached) << "not the folder in the root";
}

TEST_F(FindModel, AFolderOfTheCacheMayBeGivenAsAPath) {
    const fs::path snapshot = make_cached(cache_, "models--some--other");
    const std::string path = (cache_ / "models--some--other").string();
    for (const std::string& given : {path, path + "/"}) {
        const FoundModel found = find_model(given, places_);
        EXPECT_EQ(found.folder, snapshot);
        EXPECT_EQ(found.name, "other");
    }
    ModelPlaces places = places_;
    places.revision = "v1.0";
    EXPECT_EQ(
        count_faults(faults_of([&] { find_model(path, places); }), {"not have that revision"}), 1);
}

TEST_F(FindModel, ShippedModelsComeLast) {
    const fs::path shipped = make_model(folder_ / "shipped/small");
    const ModelPlaces places{root_, {cache_}, folder_ / "shipped"};
    EXPECT_EQ(find_model("small", places).folder, shipped);
    EXPECT_EQ(faults_of([&] { find_model("small", places_); }).size(), 1U);
    const fs::path mine = make_model(root_ / "small");
    EXPECT_EQ(find_model("small", places).folder, mine);
}

TEST_F(FindModel, TheSmallModelIsShipped) {
    const ModelPlaces places{{}, {}, shipped_models()};
    EXPECT_EQ(find_model("books-7m", places).folder.filename(), "books-7m");
}

TEST_F(FindModel, TellsWhereItLooked) {
    fs::create_directories(root_ / "70b");  // without a config.json it is no model
    const auto faults = faults_of([&] { find_model("70b", places_); });
    EXPECT_EQ(count_faults(faults, {"70b", (root_ / "70b").string(),
                                    (root_ / "meta-llama/Llama-2-70b-hf").string(),
                                    (cache_ / "models--meta-llama--Llama-2-70b-hf").string()}),
              1)
        << test::text_of(faults);
    EXPECT_NE(faults.front().remedy.find("--synthetic"), std::string::npos);
    const auto unknown = faults_of([&] { find_model("no-such-model", {}); });
    EXPECT_EQ(count_faults(unknown, {"no-such-model"}), 1);
    EXPECT_EQ(unknown.front().remedy.find("--synthetic"), std::string::npos);
}

TEST(HuggingFaceCaches, FollowTheEnvironment) {
    const auto with = [](std::map<std::string, std::string> variables) {
        return hugging_face_caches(
            [variables](const std::string& name) -> std::optional<std::string> {
                const auto found = variables.find(name);
                return found == variables.end() ? std::nullopt : std::optional(found->second);
            });
    };
    using Paths = std::vector<fs::path>;
    EXPECT_EQ(with({}), Paths{});
    EXPECT_EQ(with({{"HOME", "/h"}}), Paths{"/h/.cache/huggingface/hub"});
    EXPECT_EQ(with({{"HOME", "/h"}, {"XDG_CACHE_HOME", "/x"}}), Paths{"/x/huggingface/hub"});
    EXPECT_EQ(with({{"HOME", "/h"}, {"HF_HOME", "/f"}, {"HF_HUB_CACHE", "/c"}}),
              (Paths{"/c", "/f/hub", "/h/.cache/huggingface/hub"}));
    EXPECT_EQ(with({{"HUGGINGFACE_HUB_CACHE", "/old"}, {"HF_HOME", "~/f"}, {"HOME", "/h"}}),
              (Paths{"/old", "/h/f/hub", "/h/.cache/huggingface/hub"}));
    EXPECT_EQ(with({{"HUGGINGFACE_HUB_CACHE", "/old"}, {"HF_HUB_CACHE", "/new"}}), Paths{"/new"});
    EXPECT_EQ(with({{"TRANSFORMERS_CACHE", "/t"}, {"HF_HUB_CACHE", "/t"}}), Paths{"/t"});
}

}  // namespace
}  // namespace alphaprune::model
