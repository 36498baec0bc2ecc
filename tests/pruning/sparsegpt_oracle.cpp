#include "pruning/sparsegpt_oracle.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace alphaprune::test {
namespace {

using Doubles = std::vector<double>;

/// L with L Lᵀ = a, row-major, textbook loops.
Doubles lower_cholesky(const Doubles& a, std::size_t n) {
    Doubles l(n * n, 0.0);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j <= i; ++j) {
            double sum = a[i * n + j];
            for (std::size_t k = 0; k < j; ++k) {
                sum -= l[i * n + k] * l[j * n + k];
            }
            l[i * n + j] = i == j ? std::sqrt(sum) : sum / l[j * n + j];
        }
    }
    return l;
}

/// a⁻¹ by Gauss-Jordan elimination: a is positive definite, no pivoting needed.
Doubles inverse_of(Doubles a, std::size_t n) {
    Doubles inverse(n * n, 0.0);
    for (std::size_t i = 0; i < n; ++i) {
        inverse[i * n + i] = 1;
    }
    for (std::size_t k = 0; k < n; ++k) {
        const double pivot = a[k * n + k];
        for (std::size_t j = 0; j < n; ++j) {
            a[k * n + j] /= pivot;
            inverse[k * n + j] /= pivot;
        }
        for (std::size_t i = 0; i < n; ++i) {
            const double factor = a[i * n + k];
            for (std::size_t j = 0; i != k && j < n; ++j) {
                a[i * n + j] -= factor * a[k * n + j];
                inverse[i * n + j] -= factor * inverse[k * n + j];
            }
        }
    }
    return inverse;
}

Doubles hessian_of(const SparsegptProblem& problem) {
    const auto n = static_cast<std::size_t>(problem.cols);
    Doubles h(n * n, 0.0);
    for (const auto& sequence : problem.sequences) {
        for (std::size_t at = 0; at < sequence.size(); at += n) {
            for (std::size_t i = 0; i < n; ++i) {
                for (std::size_t j = 0; j < n; ++j) {
                    h[i * n + j] += 2.0 / static_cast<double>(problem.samples) *
                                    double{sequence[at + i]} * double{sequence[at + j]};
                }
            }
        }
    }
    return h;
}

/// Upper U with UᵀU the inverse of the damped Hessian.
Doubles upper_factor(Doubles h, std::size_t n) {
    double mean = 0;
    for (std::size_t i = 0; i < n; ++i) {
        h[i * n + i] = h[i * n + i] == 0 ? 1 : h[i * n + i];
        mean += h[i * n + i] / static_cast<double>(n);
    }
    for (std::size_t i = 0; i < n; ++i) {
        h[i * n + i] += 0.01 * mean;
    }
    const Doubles lower = lower_cholesky(inverse_of(std::move(h), n), n);
    Doubles upper(n * n);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
            upper[i * n + j] = lower[j * n + i];
        }
    }
    return upper;
}

class Sweep {
  public:
    Sweep(const SparsegptProblem& problem, const std::vector<std::uint8_t>& first)
        : n_(static_cast<std::size_t>(problem.cols)),
          w_(problem.weights.begin(), problem.weights.end()),
          gone_(first.begin(), first.end()) {
        gone_.resize(w_.size());
        const Doubles h = hessian_of(problem);
        u_ = upper_factor(h, n_);
        for (std::size_t i = 0; i < w_.size(); ++i) {
            w_[i] = h[i % n_ * n_ + i % n_] == 0 ? 0 : w_[i];
        }
    }

    double score(std::size_t at) const {
        if (gone_[at]) {
            return -1;
        }
        const double d = u_[at % n_ * n_ + at % n_];
        return w_[at] * w_[at] / (d * d);
    }

    void mark_panel(std::size_t begin, std::size_t end, double ratio) {
        Doubles scores;
        for (std::size_t at = 0; at < w_.size(); ++at) {
            if (at % n_ >= begin && at % n_ < end) {
                scores.push_back(score(at));
            }
        }
        std::ranges::sort(scores);
        const auto index = static_cast<std::size_t>(static_cast<double>(scores.size()) * ratio);
        const double threshold = scores[std::min(index, scores.size() - 1)];
        for (std::size_t at = 0; at < w_.size(); ++at) {
            if (at % n_ >= begin && at % n_ < end) {
                gone_[at] = score(at) <= threshold;
            }
        }
    }

    void mark_groups(std::size_t begin, std::size_t end, std::size_t removed) {
        for (std::size_t row = 0; row < w_.size(); row += n_) {
            std::vector<std::size_t> order(end - begin);
            std::iota(order.begin(), order.end(), row + begin);
            std::ranges::stable_sort(order, {}, [&](std::size_t at) { return score(at); });
            for (std::size_t i = 0; i < removed; ++i) {
                gone_[order[i]] = true;
            }
        }
    }

    void column(std::size_t j) {
        for (std::size_t row = 0; row < w_.size(); row += n_) {
            if (gone_[row + j]) {
                const double error = w_[row + j] / u_[j * n_ + j];
                w_[row + j] = 0;
                for (std::size_t k = j + 1; k < n_; ++k) {
                    w_[row + k] -= error * u_[j * n_ + k];
                }
            }
        }
    }

    Doubles weights() const { return w_; }

  private:
    std::size_t n_;
    Doubles w_;
    std::vector<bool> gone_;
    Doubles u_;
};

}  // namespace

SparsegptProblem random_problem(std::int64_t rows, std::int64_t cols, std::int64_t samples,
                                bool with_dead_inputs) {
    constexpr std::int64_t kTokens = 40;
    std::mt19937_64 generator(static_cast<unsigned>(rows * 10007 + cols));
    std::normal_distribution<float> normal;
    SparsegptProblem problem{rows, cols, samples, {}, {}};
    for (std::int64_t s = 0; s < samples; ++s) {
        std::vector<float> sequence;
        const std::int64_t tokens = s == 1 ? 1 : kTokens + s % 3;
        for (std::int64_t t = 0; t < tokens; ++t) {
            float previous = normal(generator);
            for (std::int64_t i = 0; i < cols; ++i) {
                previous = 0.8F * previous + 0.6F * normal(generator);
                const float size = i % 29 == 3 ? 8.0F : 0.5F + static_cast<float>(i % 7) * 0.3F;
                const bool dead = with_dead_inputs && i % 31 == 5;
                sequence.push_back(dead ? 0.0F : size * previous);
            }
        }
        problem.sequences.push_back(std::move(sequence));
    }
    for (std::int64_t i = 0; i < rows * cols; ++i) {
        problem.weights.push_back(0.05F * normal(generator));
    }
    return problem;
}

std::vector<double> pruned_by_the_book(const SparsegptProblem& problem, double ratio,
                                       std::optional<pruning::Pattern> pattern,
                                       const std::vector<std::uint8_t>& gone) {
    constexpr std::size_t kPanel = 128;
    const auto n = static_cast<std::size_t>(problem.cols);
    Sweep sweep(problem, gone);
    for (std::size_t j = 0; j < n; ++j) {
        if (pattern && j % static_cast<std::size_t>(pattern->group) == 0) {
            const auto group = static_cast<std::size_t>(pattern->group);
            const std::size_t end = std::min(j + group, n);
            sweep.mark_groups(j, end,
                              (end - j) * static_cast<std::size_t>(pattern->removed) / group);
        } else if (!pattern && j % kPanel == 0) {
            sweep.mark_panel(j, std::min(j + kPanel, n), ratio);
        }
        sweep.column(j);
    }
    return sweep.weights();
}

double output_error(const SparsegptProblem& problem, const std::vector<float>& pruned) {
    const auto n = static_cast<std::size_t>(problem.cols);
    double error = 0;
    for (const auto& sequence : problem.sequences) {
        for (std::size_t at = 0; at < sequence.size(); at += n) {
            for (std::size_t row = 0; row < pruned.size(); row += n) {
                double difference = 0;
                for (std::size_t i = 0; i < n; ++i) {
                    difference += (double{problem.weights[row + i]} - double{pruned[row + i]}) *
                                  double{sequence[at + i]};
                }
                error += difference * difference;
            }
        }
    }
    return error;
}

}  // namespace alphaprune::test
