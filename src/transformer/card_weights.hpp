#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "alphaprune/linalg/far_lane.hpp"
#include "alphaprune/model/block_description.hpp"
#include "alphaprune/transformer/forward_plan.hpp"
#include "cuda/forward_lane.hpp"
#include "shared_weights.hpp"

namespace alphaprune::transformer {

/// What products on a card multiply with where the files have this type.
support::ScalarType type_on_card(support::ScalarType stored);

/// How the host holds the tensors of a block, or of the head, for a card.
/// @param described  as in CardWeights::load()
std::vector<SharedWeights::Held> held_for_card(const model::Catalogue& catalogue,
                                               std::span<const int> described,
                                               std::span<const TensorLayout> layouts,
                                               std::span<const model::LinearLayer> layers);

/// The tensors of a block, or of the head, on a card: what products multiply with in 16 bits where
/// the files have it so, all else in float32, each laid out as in the memory of the host.
class CardWeights {
  public:
    /// A linear layer's part of a tensor.
    struct Place {
        const void* values = nullptr;
        support::ScalarType type{};
        const void* doubled = nullptr;  ///< see card::Product
    };

    /// @param precision  of products with prunable layers
    CardWeights(card::ForwardLane& lane, linalg::ForwardPrecision precision)
        : memory_(lane), doubled_(lane), lane_(lane), precision_(precision) {}

    /// Takes the place of what was there: uploads all, as they are on the host.
    /// @param described  the tensors by their positions in the description: index into
    ///                   Catalogue::tensors, −1: none
    /// @param layouts    of each; empty: as they are stored
    /// @param layers     whose weights are multiplied with
    /// @param host       has all of them, as held_for_card() says; outlives this, or the next
    /// load()
    void load(const model::Catalogue& catalogue, std::span<const int> described,
              std::span<const TensorLayout> layouts, std::span<const model::LinearLayer> layers,
              const SharedWeights& host);
    /// A tensor has changed on the host. @param tensor  index into Catalogue::tensors
    void reload(int tensor);
    /// The same of some outputs of a matrix.
    /// @param values  these, as they are held
    void reload(const model::MatrixInfo& matrix, parallel::RowRange outputs,
                std::span<const std::byte> values);

    /// A described tensor's float32 values; nullptr for −1.
    const float* floats(int described) const;
    /// The same on the host; empty for −1.
    std::span<const float> on_host(int described) const;
    Place weights_of(const model::LinearLayer& layer);
    /// Some outputs of a matrix of the loaded block.
    struct Rows {
        std::byte* values = nullptr;
        support::ScalarType type{};
        std::int64_t count = 0;  ///< of values
    };
    Rows rows(const model::MatrixInfo& matrix, parallel::RowRange outputs) const;
    /// Its rows are about to change there. @param tensor  index into Catalogue::tensors
    void will_change(int tensor);
    /// nullptr: it has none
    const float* bias_of(const model::LinearLayer& layer) const;

  private:
    struct Tensor {
        int tensor = -1;
        support::ScalarType type = support::ScalarType::float32;
        std::size_t start = 0;  ///< in bytes
        const TensorLayout* layout = nullptr;
        std::int64_t inputs = 1;  ///< length of a row in memory
        std::int64_t values = 0;
        std::int64_t doubled = -1;  ///< where in memory for each row twice, in bytes; −1: nowhere
        bool is_current = false;    ///< there is what is here
    };
    std::byte* place_in(const Tensor& tensor, int expert, const model::OutputPattern& pattern,
                        std::int64_t outputs) const;
    std::byte* doubled_of(Tensor& tensor, const std::byte* place);
    void upload(Tensor& tensor);
    void find_room_for_doubled(std::span<const model::LinearLayer> layers);

    linalg::FarBuffer memory_;
    linalg::FarBuffer doubled_;
    card::ForwardLane& lane_;
    std::vector<Tensor> tensors_;  ///< as described
    linalg::ForwardPrecision precision_;
    std::byte* start_ = nullptr;
    std::byte* doubled_start_ = nullptr;
    const SharedWeights* host_ = nullptr;
};

}  // namespace alphaprune::transformer
