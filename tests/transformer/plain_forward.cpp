#include "transformer/plain_forward.hpp"

#include <cmath>

#include "alphaprune/support/scalar.hpp"

namespace alphaprune::test {
namespace {

using Values = std::vector<double>;

class Plain {
  public:
    Plain(StoredModel& model, std::span<const std::int32_t> tokens)
        : model_(model),
          config_(model.catalogue.configuration),
          tokens_(tokens),
          opt_(config_.model_type == "opt") {}

    PlainResult run() {
        const std::string base = opt_ ? "model.decoder." : "model.";
        Values x = embeddings(base);
        for (std::int64_t block = 0; block < config_.blocks; ++block) {
            run_block(base + "layers." + std::to_string(block) + ".", block, x);
        }
        if (has(base + (opt_ ? "final_layer_norm.weight" : "norm.weight"))) {
            x = norm(base + (opt_ ? "final_layer_norm" : "norm"), x);
        }
        if (has(base + "project_out.weight")) {
            x = linear(base + "project_out", x);
        }
        x = config_.tied_embeddings ? linear(base + "embed_tokens", x) : linear("lm_head", x);
        result_.logits = x;
        return result_;
    }

  private:
    bool has(const std::string& name) const {
        return model_.catalogue.find_tensor(name) != nullptr;
    }

    Values tensor(const std::string& name) {
        const model::TensorInfo& info = *model_.catalogue.find_tensor(name);
        std::vector<std::byte> bytes(info.bytes());
        model_.reader.read_rows(info, {0, info.rows()}, bytes);
        Values values(bytes.size() / support::size_of(info.scalar_type()));
        support::widen(bytes, info.scalar_type(), std::span(values));
        return values;
    }

    Values linear(const std::string& name, const Values& x) {
        result_.inputs[name + ".weight"] = x;
        const Values weights = tensor(name + ".weight");
        const std::size_t cols = x.size() / tokens_.size();
        const std::size_t rows = weights.size() / cols;
        const Values biases = has(name + ".bias") ? tensor(name + ".bias") : Values(rows);
        Values y;
        for (std::size_t token = 0; token < tokens_.size(); ++token) {
            for (std::size_t row = 0; row < rows; ++row) {
                double sum = biases[row];
                for (std::size_t col = 0; col < cols; ++col) {
                    sum += weights[row * cols + col] * x[token * cols + col];
                }
                y.push_back(sum);
            }
        }
        return y;
    }

    Values norm(const std::string& name, const Values& x) {
        const Values weights = tensor(name + ".weight");
        const Values biases = opt_ ? tensor(name + ".bias") : Values(weights.size());
        const std::size_t n = weights.size();
        Values y = x;
        for (std::size_t at = 0; at < x.size(); at += n) {
            double mean = 0;
            double variance = 0;
            for (std::size_t i = 0; i < n; ++i) {
                mean += opt_ ? x[at + i] / static_cast<double>(n) : 0;
            }
            for (std::size_t i = 0; i < n; ++i) {
                variance += (x[at + i] - mean) * (x[at + i] - mean) / static_cast<double>(n);
            }
            for (std::size_t i = 0; i < n; ++i) {
                y[at + i] = (x[at + i] - mean) / std::sqrt(variance + config_.norm_epsilon);
                y[at + i] = y[at + i] * weights[i] + biases[i];
            }
        }
        return y;
    }

    Values embeddings(const std::string& base) {
        const Values table = tensor(base + "embed_tokens.weight");
        const std::size_t width = table.size() / static_cast<std::size_t>(config_.vocabulary);
        Values x;
        for (const std::int32_t token : tokens_) {
            for (std::size_t i = 0; i < width; ++i) {
                x.push_back(table[static_cast<std::size_t>(token) * width + i]);
            }
        }
        if (has(base + "project_in.weight")) {
            x = linear(base + "project_in", x);
        }
        if (opt_) {
            const Values positions = tensor(base + "embed_positions.weight");
            const auto hidden = static_cast<std::size_t>(config_.hidden_size);
            for (std::size_t i = 0; i < x.size(); ++i) {
                x[i] += positions[2 * hidden + i];
            }
        }
        return x;
    }

    static void add(Values& x, const Values& y) {
        for (std::size_t i = 0; i < x.size(); ++i) {
            x[i] += y[i];
        }
    }

    void run_block(const std::string& in, std::int64_t block, Values& x) {
        const std::string first = in + (opt_ ? "self_attn_layer_norm" : "input_layernorm");
        const std::string second = in + (opt_ ? "final_layer_norm" : "post_attention_layernorm");
        const bool before = config_.norm_before;
        add(x, attention(in + "self_attn.", block, before ? norm(first, x) : x));
        x = before ? x : norm(first, x);
        add(x, mlp(in, before ? norm(second, x) : x));
        x = before ? x : norm(second, x);
    }

    void rotate(Values& x) const {
        const auto size = static_cast<std::size_t>(config_.head_size);
        const std::size_t width = x.size() / tokens_.size();
        for (std::size_t at = 0; at < x.size(); at += size) {
            const auto position = static_cast<double>(at / width);
            for (std::size_t i = 0; i < size / 2; ++i) {
                const double angle =
                    position / std::pow(config_.rope.theta,
                                        2 * static_cast<double>(i) / static_cast<double>(size));
                const double a = x[at + i];
                const double b = x[at + i + size / 2];
                x[at + i] = a * std::cos(angle) - b * std::sin(angle);
                x[at + i + size / 2] = b * std::cos(angle) + a * std::sin(angle);
            }
        }
    }

    Values attention(const std::string& in, std::int64_t block, const Values& x) {
        Values q = linear(in + "q_proj", x);
        Values k = linear(in + "k_proj", x);
        const Values v = linear(in + "v_proj", x);
        if (!opt_) {
            rotate(q);
            rotate(k);
        }
        const auto size = static_cast<std::size_t>(config_.head_size);
        const auto heads = static_cast<std::size_t>(config_.heads);
        const auto shared = static_cast<std::size_t>(config_.key_value_heads);
        const auto window = static_cast<std::size_t>(config_.window_of(block).value_or(1'000'000));
        Values out(q.size());
        for (std::size_t head = 0; head < heads; ++head) {
            const std::size_t other = head * shared / heads;
            for (std::size_t t = 0; t < tokens_.size(); ++t) {
                const std::size_t from = t + 1 > window ? t + 1 - window : 0;
                Values weights;
                double total = 0;
                for (std::size_t s = from; s <= t; ++s) {
                    double score = 0;
                    for (std::size_t i = 0; i < size; ++i) {
                        score +=
                            q[(t * heads + head) * size + i] * k[(s * shared + other) * size + i];
                    }
                    weights.push_back(std::exp(score / std::sqrt(static_cast<double>(size))));
                    total += weights.back();
                }
                for (std::size_t s = from; s <= t; ++s) {
                    for (std::size_t i = 0; i < size; ++i) {
                        out[(t * heads + head) * size + i] +=
                            weights[s - from] / total * v[(s * shared + other) * size + i];
                    }
                }
            }
        }
        return linear(in + (opt_ ? "out_proj" : "o_proj"), out);
    }

    Values mlp(const std::string& in, const Values& x) {
        Values y = linear(in + (opt_ ? "fc1" : "mlp.gate_proj"), x);
        const Values up = opt_ ? Values(y.size(), 1) : linear(in + "mlp.up_proj", x);
        for (std::size_t i = 0; i < y.size(); ++i) {
            if (config_.activation == "silu") {
                y[i] = y[i] / (1 + std::exp(-y[i])) * up[i];
            } else if (config_.activation == "gelu") {
                y[i] = y[i] / 2 * (1 + std::erf(y[i] / std::sqrt(2.0))) * up[i];
            } else {
                y[i] = std::max(y[i], 0.0) * up[i];
            }
        }
        return linear(in + (opt_ ? "fc2" : "mlp.down_proj"), y);
    }

    StoredModel& model_;
    const model::ModelConfiguration& config_;
    std::span<const std::int32_t> tokens_;
    bool opt_;
    PlainResult result_;
};

}  // namespace

PlainResult plain_forward(StoredModel& model, std::span<const std::int32_t> tokens) {
    return Plain(model, tokens).run();
}

}  // namespace alphaprune::test
