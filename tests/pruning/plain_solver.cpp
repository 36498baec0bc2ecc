#include "pruning/plain_solver.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace alphaprune::test {
namespace {

std::size_t order_of(const PlainValues& matrix) {
    return static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(matrix.size()))));
}

double target_of(const PlainProblem& problem, const SiteSequence& sequence, std::size_t token,
                 std::size_t row, const pruning::OutputTargets& outputs) {
    const std::size_t n = problem.cols;
    double dense = 0;
    double present = 0;
    for (std::size_t i = 0; i < n; ++i) {
        dense += problem.weights[row * n + i] * double{sequence.dense[token * n + i]};
        present += problem.weights[row * n + i] * double{sequence.present[token * n + i]};
    }
    const std::size_t rows = problem.weights.size() / n;
    return outputs.dense * dense + (1 - outputs.dense) * present +
           outputs.residual * double{sequence.drift[token * rows + row]};
}

/// In the variables in which the Hessian has a unit diagonal.
struct Scaled {
    PlainValues scale;    ///< d
    PlainValues hessian;  ///< Ĥ
    PlainValues dense;    ///< B₀
    PlainValues right;    ///< R
};

Scaled scaled(const PlainProblem& problem, double ridge) {
    const std::size_t n = problem.cols;
    Scaled s{{}, shifted(problem.gram, ridge), problem.weights, problem.right};
    for (std::size_t i = 0; i < n; ++i) {
        s.scale.push_back(std::sqrt(s.hessian[i * n + i]) + 1e-8);
    }
    for (std::size_t i = 0; i < n * n; ++i) {
        s.hessian[i] /= s.scale[i / n] * s.scale[i % n];
    }
    for (std::size_t i = 0; i < s.dense.size(); ++i) {
        s.right[i] = (s.right[i] + ridge * problem.weights[i]) / s.scale[i % n];
        s.dense[i] *= s.scale[i % n];
    }
    return s;
}

PlainValues unscaled(PlainValues pruned, const Scaled& s) {
    for (std::size_t i = 0; i < pruned.size(); ++i) {
        pruned[i] /= s.scale[i % s.scale.size()];
    }
    return pruned;
}

/// f(i) for every weight.
template <class F>
PlainValues each(std::size_t count, F f) {
    PlainValues values(count);
    for (std::size_t i = 0; i < count; ++i) {
        values[i] = f(i);
    }
    return values;
}

/// 10 steps of conjugate gradients for B·Ĥ = R in the places that are kept, each row by itself.
PlainValues refined(PlainValues b, const Scaled& s, const std::vector<bool>& kept) {
    const std::size_t n = s.scale.size();
    const PlainValues product = times(b, s.hessian);
    PlainValues residual =
        each(b.size(), [&](std::size_t i) { return kept[i] ? s.right[i] - product[i] : 0; });
    PlainValues direction = residual;
    const auto inner = [n](const PlainValues& x, const PlainValues& y, std::size_t row) {
        return std::inner_product(x.begin() + static_cast<std::ptrdiff_t>(row * n),
                                  x.begin() + static_cast<std::ptrdiff_t>((row + 1) * n),
                                  y.begin() + static_cast<std::ptrdiff_t>(row * n), 0.0);
    };
    for (int step = 0; step < 10; ++step) {
        const PlainValues image = times(direction, s.hessian);
        for (std::size_t row = 0; row < b.size() / n; ++row) {
            const double before = inner(residual, residual, row);
            if (before == 0) {
                continue;
            }
            const double alpha = before / inner(direction, image, row);
            for (std::size_t i = row * n; i < (row + 1) * n; ++i) {
                b[i] += alpha * direction[i];
                residual[i] -= kept[i] ? alpha * image[i] : 0;
            }
            const double beta = inner(residual, residual, row) / before;
            for (std::size_t i = row * n; i < (row + 1) * n; ++i) {
                direction[i] = residual[i] + beta * direction[i];
            }
        }
    }
    return b;
}

PlainValues masked(PlainValues values, const std::vector<bool>& kept) {
    return each(values.size(), [&](std::size_t i) { return kept[i] ? values[i] : 0; });
}

}  // namespace

PlainProblem plain_problem(const SiteProblem& site, const pruning::OutputTargets& outputs) {
    const auto n = static_cast<std::size_t>(site.cols);
    PlainProblem problem{n,
                         PlainValues(n * n),
                         PlainValues(site.weights.size()),
                         {site.weights.begin(), site.weights.end()}};
    for (const SiteSequence& sequence : site.sequences) {
        for (std::size_t t = 0; t < static_cast<std::size_t>(sequence.tokens); ++t) {
            const float* const x = sequence.present.data() + t * n;
            for (std::size_t at = 0; at < n * n; ++at) {
                problem.gram[at] += double{x[at / n]} * double{x[at % n]};
            }
            for (std::size_t row = 0; row < problem.right.size() / n; ++row) {
                const double target = target_of(problem, sequence, t, row, outputs);
                for (std::size_t i = 0; i < n; ++i) {
                    problem.right[row * n + i] += target * double{x[i]};
                }
            }
        }
    }
    return problem;
}

double plain_ridge(const PlainProblem& problem) {
    double trace = 0;
    for (std::size_t i = 0; i < problem.cols; ++i) {
        trace += problem.gram[i * problem.cols + i];
    }
    return 0.01 * trace / static_cast<double>(problem.cols);
}

PlainValues shifted(PlainValues gram, double shift) {
    const std::size_t n = order_of(gram);
    for (std::size_t i = 0; i < n; ++i) {
        gram[i * n + i] += shift;
    }
    return gram;
}

PlainValues times(const PlainValues& rows, const PlainValues& matrix) {
    const std::size_t n = order_of(matrix);
    PlainValues product(rows.size());
    for (std::size_t row = 0; row < rows.size(); row += n) {
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j < n; ++j) {
                product[row + j] += rows[row + i] * matrix[i * n + j];
            }
        }
    }
    return product;
}

/// Columns are eliminated from the right of matrix and rows alike.
PlainValues divided(PlainValues rows, PlainValues matrix) {
    const std::size_t n = order_of(matrix);
    const auto all = {&matrix, &rows};
    for (std::size_t k = 0; k < n; ++k) {
        std::size_t pivot = k;
        for (std::size_t j = k; j < n; ++j) {
            pivot = std::abs(matrix[k * n + j]) > std::abs(matrix[k * n + pivot]) ? j : pivot;
        }
        // What is done to columns of x·A = b: b's columns follow A's.
        for (PlainValues* const each_of : all) {
            for (std::size_t row = 0; row < each_of->size(); row += n) {
                std::swap((*each_of)[row + k], (*each_of)[row + pivot]);
            }
        }
        const PlainValues factors = each(
            n, [&](std::size_t j) { return j == k ? 0 : matrix[k * n + j] / matrix[k * n + k]; });
        const double diagonal = matrix[k * n + k];
        for (PlainValues* const each_of : all) {
            for (std::size_t row = 0; row < each_of->size(); row += n) {
                const double own = (*each_of)[row + k];
                for (std::size_t j = 0; j < n; ++j) {
                    (*each_of)[row + j] -= factors[j] * own;
                }
                (*each_of)[row + k] = own / diagonal;
            }
        }
    }
    return rows;
}

PlainValues plain_minimizer(const PlainProblem& problem, double ridge) {
    PlainValues right = problem.right;
    for (std::size_t i = 0; i < right.size(); ++i) {
        right[i] += ridge * problem.weights[i];
    }
    return divided(std::move(right), shifted(problem.gram, ridge));
}

double plain_energy(const std::vector<float>& weights, const PlainValues& minimizer,
                    const PlainValues& matrix) {
    const PlainValues error =
        each(minimizer.size(), [&](std::size_t i) { return double{weights[i]} - minimizer[i]; });
    const PlainValues product = times(error, matrix);
    return std::inner_product(error.begin(), error.end(), product.begin(), 0.0);
}

std::vector<bool> kept_by_sorting(const PlainValues& values, std::size_t cols,
                                  const pruning::PruneTarget& target) {
    std::vector<bool> kept(values.size(), true);
    const auto remove = [&](std::size_t begin, std::size_t end, std::size_t count) {
        std::vector<std::size_t> order(end - begin);
        std::iota(order.begin(), order.end(), begin);
        std::ranges::stable_sort(order, {}, [&](std::size_t i) { return std::abs(values[i]); });
        for (std::size_t i = 0; i < count; ++i) {
            kept[order[i]] = false;
        }
    };
    if (!target.pattern) {
        remove(0, values.size(),
               static_cast<std::size_t>(static_cast<double>(values.size()) * target.ratio));
        return kept;
    }
    const auto group = static_cast<std::size_t>(target.pattern->group);
    const auto removed = static_cast<std::size_t>(target.pattern->removed);
    for (std::size_t row = 0; row < values.size(); row += cols) {
        for (std::size_t begin = 0; begin < cols; begin += group) {
            const std::size_t size = std::min(group, cols - begin);
            remove(row + begin, row + begin + size, size * removed / group);
        }
    }
    return kept;
}

PlainSolution plain_alps(const PlainProblem& problem, const pruning::PruneTarget& target) {
    const Scaled s = scaled(problem, plain_ridge(problem));
    const std::size_t count = s.dense.size();
    const auto largest = [&](const PlainValues& b) {
        return kept_by_sorting(b, problem.cols, target);
    };
    double rho = 0.1;
    bool raised = false;
    PlainValues b = s.dense;
    PlainValues v(count);
    std::vector<bool> support = largest(b);
    const PlainValues first = masked(b, support);
    PlainValues d = first;
    std::vector<bool> seen = support;
    const auto k = static_cast<double>(std::ranges::count(support, true));
    PlainValues identity = shifted(PlainValues(problem.cols * problem.cols), 1);
    PlainValues inverse = divided(identity, shifted(s.hessian, rho));
    PlainSolution solution;
    int& iteration = solution.iterations;
    while (iteration < 300) {
        ++iteration;
        b = times(each(count, [&](std::size_t i) { return s.right[i] - v[i] + rho * d[i]; }),
                  inverse);
        d = each(count, [&](std::size_t i) { return b[i] + v[i] / rho; });
        support = largest(d);
        d = masked(d, support);
        for (std::size_t i = 0; i < count; ++i) {
            v[i] += rho * (b[i] - d[i]);
        }
        if (iteration % 3 != 0) {
            continue;
        }
        double changed = 0;
        for (std::size_t i = 0; i < count; ++i) {
            changed += support[i] != seen[i] ? 1 : 0;
        }
        seen = support;
        if (changed > 0.1 * k) {
            rho *= 1.3;
            raised = true;
        } else if (changed > 0.005 * k) {
            rho *= 1.2;
            raised = true;
        } else if (changed >= 1 && raised) {
            rho *= 1.1;
        } else if (changed >= 1) {
            rho /= 5;
            b = s.dense;
            d = first;
            v.assign(count, 0.0);
            ++solution.fresh_starts;
        } else if (raised) {
            break;
        } else {
            rho /= 5;
        }
        if (iteration >= 31 && changed < 0.0003 * k) {
            break;
        }
        inverse = divided(identity, shifted(s.hessian, rho));
    }
    support = largest(b);
    solution.weights = unscaled(refined(masked(b, support), s, support), s);
    return solution;
}

PlainSolution plain_admm(const PlainProblem& problem, const pruning::PruneTarget& target) {
    return plain_admm_choosing(problem, target, 15);
}

PlainSolution plain_admm_choosing(const PlainProblem& problem, const pruning::PruneTarget& target,
                                  int choosing) {
    const Scaled s = scaled(problem, 0);
    const std::size_t count = s.dense.size();
    const PlainValues matrix = shifted(s.hessian, 1.1);
    PlainValues b = s.dense;
    PlainValues u(count);
    std::vector<bool> kept;
    const auto sum = [&] { return each(count, [&](std::size_t i) { return b[i] + u[i]; }); };
    for (int iteration = 0; iteration < 20; ++iteration) {
        if (iteration < choosing) {
            kept = kept_by_sorting(sum(), problem.cols, target);
        }
        const PlainValues z = masked(sum(), kept);
        u = each(count, [&](std::size_t i) { return u[i] + b[i] - z[i]; });
        b = divided(
            each(count, [&](std::size_t i) { return s.right[i] + 0.1 * s.dense[i] + z[i] - u[i]; }),
            matrix);
    }
    return {unscaled(masked(sum(), kept), s), 20, 0};
}

}  // namespace alphaprune::test
