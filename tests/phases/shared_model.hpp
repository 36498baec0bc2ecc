#pragma once

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "support/model_folder.hpp"
#include "support/temporary_folder.hpp"
#include "support/world.hpp"

namespace alphaprune::test {

/// A made-up model that rank 0 writes and all ranks see.
class SharedModel {
  public:
    explicit SharedModel(support::ScalarType type)
        : SharedModel(
              [type](const auto& path) { make_llama_folder(path, 3, 32, 56, 4, 2, 7, type); }) {}

    /// `write` fills the folder it is given.
    template <class Write>
    requires std::is_invocable_v<Write, const std::filesystem::path&>
    explicit SharedModel(Write write) {
        if (world().is_root()) {
            folder_.emplace();
            write(folder_->path());
        }
        catalogue_ = model::deserialize_catalogue(parallel::text_from_root(
            world(), [&] { return model::serialize(model::read_catalogue(folder_->path())); }));
    }
    SharedModel(const SharedModel&) = delete;
    SharedModel& operator=(const SharedModel&) = delete;
    ~SharedModel() { world().barrier(); }  // nobody reads any more

    const model::Catalogue& catalogue() const { return catalogue_; }

  private:
    std::optional<TemporaryFolder> folder_;
    model::Catalogue catalogue_;
};

}  // namespace alphaprune::test
