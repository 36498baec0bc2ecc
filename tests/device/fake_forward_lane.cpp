// Forward passes of the made-up card: plain loops, and BLAS for products of parts. What is asked of
// it must lie in memory that was allocated, and no piece of work may write what it reads elsewhere.
//     FAKE_CARD_FORWARD_LOST=N   the card is lost at multiply() number N from now
//     FAKE_CARD_FORWARD_FULL=N   its memory does not suffice for allocate() number N
#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "cuda/forward_lane.hpp"
#include "fake_arithmetic.hpp"
#include "fake_dropping.hpp"
#include "fake_far_lane.hpp"
#include "fake_faults.hpp"
#include "fake_memory.hpp"
#include "fake_softmax.hpp"
#include "fake_steps.hpp"
#include "fake_sums.hpp"

namespace {

namespace card = alphaprune::transformer::card;
using alphaprune::device::CardError;
using alphaprune::device::CardFault;
using alphaprune::linalg::ForwardPrecision;
using alphaprune::support::ScalarType;

class FakeForwardLane : public FakeFarLane {
  public:
    void multiply(std::span<const card::Product> products, ForwardPrecision precision) override;
    void norm(const card::Norm& given) override;
    void gate(const card::Gate& given) override;
    void rotate(const card::Rotation& given) override;
    void attend(const card::Attention& given, ForwardPrecision precision) override;
    void copy_rows(const card::RowCopy& given) override;
    void gather(const card::Gathering& given) override;
    void scatter(const card::Scattering& given) override;
    void column_squares(const float* values, std::int64_t rows, std::int64_t cols,
                        float* sums) override;
    void add_products(const card::ProductSum& given, ForwardPrecision precision) override {
        work("add_products", [&](TouchedMemory& memory) { sum_up(given, precision, memory); });
    }
    void subtract(const card::Difference& given) override {
        work("subtract", [&](TouchedMemory& memory) { take_difference(given, memory); });
    }
    void add_in_double(double* sums, const float* values, std::int64_t count) override {
        work("add_in_double",
             [&](TouchedMemory& memory) { widen_sums(sums, values, count, memory); });
    }
    std::int64_t drop_lowest(const card::Dropping& given) override;
    void add_vocabulary(const card::VocabularyPart& given, ForwardPrecision precision) override;
};

/// Whether the doubled weights are bfloat16, and each row of the weights twice.
bool are_doubled(const card::Product& product) {
    const auto* const rows = static_cast<const std::uint16_t*>(product.weights);
    const auto* const doubled = static_cast<const std::uint16_t*>(product.doubled);
    bool same = product.type == ScalarType::bfloat16;
    for (std::int64_t i = 0; same && i < 2 * product.rows * product.cols; ++i) {
        const std::int64_t row = i / (2 * product.cols);
        same = doubled[i] == rows[row * product.cols + i % product.cols];
    }
    return same;
}

void FakeForwardLane::multiply(std::span<const card::Product> products,
                               ForwardPrecision precision) {
    work("multiply", [&](TouchedMemory& memory) {
        if (is_due("FAKE_CARD_FORWARD_LOST")) {
            throw CardError(CardFault::lost, "made up: the card fell off the bus");
        }
        for (const card::Product& one : products) {
            memory.expect(one.tokens >= 0 && one.cols >= 0 && one.rows >= 0, "a negative size");
            memory.reads(one.input, one.tokens * one.cols, "input");
            memory.reads_stored(one.weights, one.rows * one.cols, stored_size(one.type), "weights");
            memory.reads(one.bias, one.bias == nullptr ? 0 : one.rows, "bias");
            memory.writes(one.out, one.tokens * one.rows, "out");
            if (one.doubled != nullptr) {
                memory.reads_stored(one.doubled, 2 * one.rows * one.cols, 2, "doubled");
                memory.expect(are_doubled(one), "doubled weights that are not the weights");
            }
        }
        memory.end();
        for (const card::Product& one : products) {
            const std::vector<float> found = product(one.input, one.tokens, one.cols, one.weights,
                                                     one.type, one.rows, precision);
            for (std::int64_t i = 0; i < one.tokens * one.rows; ++i) {
                const float before = one.add_to_it ? one.out[i] : 0.0F;
                const float bias = one.bias == nullptr ? 0.0F : one.bias[i % one.rows];
                one.out[i] = before + (found[static_cast<std::size_t>(i)] + bias);
            }
        }
    });
}

void FakeForwardLane::norm(const card::Norm& given) {
    work("norm", [&](TouchedMemory& memory) {
        memory.writes(given.out, given.rows * given.width, "out");
        if (given.values != given.out) {
            memory.reads(given.values, given.rows * given.width, "values");
        }
        memory.reads(given.weights, given.weights == nullptr ? 0 : given.width, "weights");
        memory.reads(given.biases, given.biases == nullptr ? 0 : given.width, "biases");
        memory.end();
        for (std::int64_t row = 0; row < given.rows; ++row) {
            norm_row(given, given.values + row * given.width, given.out + row * given.width);
        }
    });
}

void FakeForwardLane::gate(const card::Gate& given) {
    work("gate", [&](TouchedMemory& memory) {
        const bool is_clamped = given.activation == card::Activation::clamped_gate;
        memory.expect(!is_clamped || (given.up != nullptr && given.limit > 0), "no limit or no up");
        memory.writes(given.gate, given.count, "gate");
        memory.reads(given.up, given.up == nullptr ? 0 : given.count, "up");
        memory.end();
        for (std::int64_t i = 0; i < given.count; ++i) {
            const double gate = given.gate[i];
            const double up = given.up == nullptr ? 1 : static_cast<double>(given.up[i]);
            given.gate[i] = static_cast<float>(is_clamped ? clamped_gate(given, gate, up)
                                                          : activated(given.activation, gate) * up);
        }
    });
}

void FakeForwardLane::rotate(const card::Rotation& given) {
    work("rotate", [&](TouchedMemory& memory) {
        memory.expect(given.first >= 0 && given.pairs >= 0 &&
                          given.first + 2 * given.pairs <= given.head_size,
                      "pairs beyond the head");
        memory.writes(given.values, given.tokens * given.heads * given.head_size, "values");
        memory.reads(given.cos, given.tokens * given.pairs, "cos");
        memory.reads(given.sin, given.tokens * given.pairs, "sin");
        memory.end();
        for (std::int64_t i = 0; i < given.tokens * given.heads * given.pairs; ++i) {
            const std::int64_t pair = i % given.pairs;
            const std::int64_t head = i / given.pairs;
            float* const values = given.values + head * given.head_size + given.first;
            float& a = values[given.interleaved ? 2 * pair : pair];
            float& b = values[given.interleaved ? 2 * pair + 1 : pair + given.pairs];
            const float cos = given.cos[head / given.heads * given.pairs + pair];
            const float sin = given.sin[head / given.heads * given.pairs + pair];
            const float turned = a * cos - b * sin;
            b = b * cos + a * sin;
            a = turned;
        }
    });
}

void FakeForwardLane::attend(const card::Attention& given, ForwardPrecision precision) {
    work("attend", [&](TouchedMemory& memory) {
        memory.expect(given.key_value_heads > 0 && given.heads % given.key_value_heads == 0,
                      "unequal groups");
        memory.expect(given.window >= 0 && given.softcap >= 0, "a negative window or cap");
        const std::int64_t shared = given.tokens * given.key_value_heads;
        memory.reads(given.query, given.tokens * given.heads * given.head_size, "query");
        memory.reads(given.key, shared * given.head_size, "key");
        memory.reads(given.value, shared * given.value_size, "value");
        memory.reads(given.biases, given.biases == nullptr ? 0 : given.heads * given.tokens,
                     "biases");
        memory.reads(given.sinks, given.sinks == nullptr ? 0 : given.heads, "sinks");
        memory.writes(given.out, given.tokens * given.heads * given.value_size, "out");
        memory.end();
        for (std::int64_t head = 0; head < given.heads; ++head) {
            attend_head(given, head, parts_of(precision));
        }
    });
}

void FakeForwardLane::copy_rows(const card::RowCopy& given) {
    work("copy_rows", [&](TouchedMemory& memory) {
        memory.expect(given.repeat > 0 && given.rows >= 0, "sizes");
        const std::int64_t sources = (given.rows + given.repeat - 1) / given.repeat;
        for (std::int64_t row = 0; row < sources; ++row) {
            memory.reads(given.from + row * given.from_stride, given.width, "from");
        }
        for (std::int64_t row = 0; row < given.rows; ++row) {
            memory.writes(given.to + row * given.to_stride, given.width, "to");
        }
        memory.end();
        for (std::int64_t row = 0; row < given.rows; ++row) {
            std::copy_n(given.from + row / given.repeat * given.from_stride, given.width,
                        given.to + row * given.to_stride);
        }
    });
}

void FakeForwardLane::gather(const card::Gathering& given) {
    work("gather", [&](TouchedMemory& memory) {
        memory.reads(given.indices, given.rows, "indices");
        memory.writes(given.to, given.rows * given.width, "to");
        for (std::int64_t row = 0; row < given.rows; ++row) {
            memory.expect(given.indices[row] >= 0, "a negative index");
            memory.reads(given.from + given.indices[row] * given.width, given.width, "from");
        }
        memory.end();
        for (std::int64_t row = 0; row < given.rows; ++row) {
            std::copy_n(given.from + given.indices[row] * given.width, given.width,
                        given.to + row * given.width);
        }
    });
}

void FakeForwardLane::scatter(const card::Scattering& given) {
    work("scatter", [&](TouchedMemory& memory) {
        const auto row_of = [&](std::int64_t row) {
            return given.indices == nullptr ? row : std::int64_t{given.indices[row]};
        };
        memory.reads(given.indices, given.indices == nullptr ? 0 : given.rows, "indices");
        memory.reads(given.factors, given.factors == nullptr ? 0 : given.rows, "factors");
        memory.reads(given.values, given.rows * given.width, "values");
        for (std::int64_t row = 0; row < given.rows; ++row) {
            memory.expect(row_of(row) >= 0, "a negative index");
            memory.writes(given.sum + row_of(row) * given.width, given.width, "sum");
        }
        memory.end();  // indices that come twice, too
        for (std::int64_t row = 0; row < given.rows; ++row) {
            float factor = given.factors == nullptr ? 1.0F : given.factors[row];
            factor = given.as_gates ? 1.0F / (1.0F + std::exp(-factor)) : factor;
            for (std::int64_t i = 0; i < given.width; ++i) {
                given.sum[row_of(row) * given.width + i] +=
                    factor * given.values[row * given.width + i];
            }
        }
    });
}

void FakeForwardLane::column_squares(const float* values, std::int64_t rows, std::int64_t cols,
                                     float* sums) {
    work("column_squares", [&](TouchedMemory& memory) {
        memory.expect(rows >= 0 && cols >= 0, "a negative size");
        memory.reads(values, rows * cols, "values");
        memory.writes(sums, cols, "sums");
        memory.end();
        for (std::int64_t col = 0; col < cols; ++col) {
            double sum = 0;
            for (std::int64_t row = 0; row < rows; ++row) {
                sum += std::pow(static_cast<double>(values[row * cols + col]), 2);
            }
            sums[col] = static_cast<float>(sum);
        }
    });
}

std::int64_t FakeForwardLane::drop_lowest(const card::Dropping& given) {
    return work("drop_lowest", [&](TouchedMemory& memory) {
        memory.writes_stored(given.weights, given.rows * given.cols, stored_size(given.type),
                             "weights");
        memory.reads(given.scales, given.rows == 0 ? 0 : given.cols, "scales");
        memory.end();
        const std::string fault = fault_of(given);
        memory.expect(fault.empty(), fault);
        return drop_weights(given);
    });
}

void FakeForwardLane::add_vocabulary(const card::VocabularyPart& given,
                                     ForwardPrecision precision) {
    work("add_vocabulary", [&](TouchedMemory& memory) {
        memory.expect(given.tokens >= 0 && given.rows >= 0 && given.first_row >= 0,
                      "a negative size");
        memory.reads(given.features, given.tokens * given.width, "features");
        memory.reads_stored(given.weights, given.rows * given.width, stored_size(given.type),
                            "weights");
        memory.reads(given.targets, given.tokens, "targets");
        memory.writes(given.states, given.tokens, "states");
        memory.end();
        std::vector<float> logits = product(given.features, given.tokens, given.width,
                                            given.weights, given.type, given.rows, precision);
        for (std::int64_t token = 0; token < given.tokens; ++token) {
            add_to_loss(given, token, logits.data() + token * given.rows);
        }
    });
}

}  // namespace

extern "C" card::ForwardLane* alphaprune_cuda_make_forward_lane(int /*card*/) {
    return new FakeForwardLane;
}
