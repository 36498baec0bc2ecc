#include "alphaprune/transformer/transformer.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "alphaprune/linalg/blas_threads.hpp"
#include "alphaprune/linalg/sgemm.hpp"
#include "block_pass.hpp"
#include "embedding.hpp"
#include "forward_plan.hpp"
#include "unused_tensors.hpp"

namespace alphaprune::transformer {

struct Transformer::Plan : ForwardPlan {};

Transformer::Transformer(const model::Catalogue& catalogue)
    : plan_(std::make_unique<Plan>(Plan{make_forward_plan(catalogue)})) {
    linalg::use_one_blas_thread();
}
Transformer::Transformer(Transformer&&) noexcept = default;
Transformer::~Transformer() = default;

bool Transformer::supports(const model::Catalogue& catalogue) {
    return forward_family_of(catalogue.configuration.model_type) != nullptr;
}

std::int64_t Transformer::hidden_size() const {
    return plan_->configuration().hidden_size;
}

std::vector<int> Transformer::block_tensors(int block) const {
    return all_of(plan_->blocks[static_cast<std::size_t>(block)]);
}

std::vector<InputSite> Transformer::input_sites(int block) const {
    const BlockTensors& tensors = plan_->blocks[static_cast<std::size_t>(block)];
    const auto site = [](std::initializer_list<const Projection*> readers) {
        InputSite made;
        for (const Projection* reader : readers) {
            if (reader->matrix >= 0) {  // else it is not pruned
                made.matrices.push_back(reader->matrix);
            }
            made.cols = reader->cols;
        }
        std::ranges::sort(made.matrices);
        return made;
    };
    return {site({&tensors.query, &tensors.key, &tensors.value}), site({&tensors.attention_out}),
            tensors.gate ? site({&*tensors.gate, &tensors.up}) : site({&tensors.up}),
            site({&tensors.down})};
}

void Transformer::embed(const model::RowSource& source, std::span<const std::int32_t> tokens,
                        std::span<float> hidden) const {
    embed_tokens(*plan_, source, tokens, hidden);
}

void Transformer::run_block(int block, const SharedWeights& weights, std::span<float> hidden,
                            std::int64_t tokens, const InputObserver& observe) const {
    assert(hidden.size() == static_cast<std::size_t>(tokens * hidden_size()));
    if (tokens == 0) {
        return;
    }
    plan_->rotary.reach(tokens);
    const auto scratch = plan_->scratch.at_least(block_scratch(*plan_, tokens));
    BlockPass(*plan_, block, weights, tokens, scratch, observe).run(hidden);
}

double Transformer::block_flops(int block, std::int64_t tokens) const {
    const Attention attention = attention_of(*plan_, block);
    double per_token = 0;
    for (const Projection& projection :
         projections_of(plan_->blocks[static_cast<std::size_t>(block)])) {
        per_token += 2.0 * static_cast<double>(projection.rows * projection.cols);
    }
    const double per_pair = 4.0 * static_cast<double>(attention.heads * attention.head_size);
    return per_token * static_cast<double>(tokens) +
           per_pair * attended_pairs(tokens, attention.window);
}

std::uint64_t Transformer::scratch_bytes(std::int64_t tokens) const {
    const std::int64_t angles =
        plan_->family->positions == Positions::rotary ? plan_->configuration().head_size : 0;
    return static_cast<std::uint64_t>(block_scratch(*plan_, tokens) + tokens * angles) *
           sizeof(float);
}

void Transformer::require_head() const {
    plan_->head.faults.throw_if_any();
}

std::vector<int> Transformer::head_tensors() const {
    std::vector<int> tensors;
    const HeadTensors& head = plan_->head;
    const Norm norm = head.final_norm.value_or(Norm{});
    for (const int tensor : {norm.weight, norm.bias, head.project_out}) {
        if (tensor >= 0) {
            tensors.push_back(tensor);
        }
    }
    return tensors;
}

int Transformer::embedding_tensor() const {
    return plan_->input.embedding;
}

int Transformer::vocabulary_tensor() const {
    return plan_->head.vocabulary;
}

std::int64_t Transformer::feature_size() const {
    return plan_->head.width;
}

std::vector<std::string> Transformer::warnings() const {
    return warnings_on_unused(*plan_);
}

void Transformer::features(const SharedWeights& weights, std::span<const float> hidden,
                           std::int64_t tokens, std::span<float> features) const {
    const HeadTensors& head = plan_->head;
    const std::int64_t wide = hidden_size();
    const std::int64_t narrow = feature_size();
    assert(hidden.size() == static_cast<std::size_t>(tokens * wide));
    assert(features.size() == static_cast<std::size_t>(tokens * narrow));
    const bool projects = head.project_out >= 0;
    const auto normed = projects ? plan_->scratch.at_least(tokens * wide) : features;
    if (head.final_norm) {
        run_norm(*plan_, *head.final_norm, weights, hidden, normed);
    } else {
        std::ranges::copy(hidden, normed.begin());
    }
    if (projects) {
        linalg::sgemm(1, {normed.data(), tokens, wide, wide},
                      {weights.values(head.project_out).data(), narrow, wide, wide},
                      linalg::Transpose::yes, 0, {features.data(), tokens, narrow, narrow});
    }
}

}  // namespace alphaprune::transformer
