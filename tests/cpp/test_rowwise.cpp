// Softmax, cross-entropy and normalisation with their gradients against plain formulas in double.

#include <functional>

#include "oracle.h"

using namespace nacre;
using namespace nacre::check;

namespace {

using Values = std::vector<double>;

Values values_of(const Tensor& t) {
  Values v;
  for (int64_t i = 0; i < t.count(); ++i) v.push_back(value_at(t, i));
  return v;
}

void check_values(const Tensor& t, const Values& expected, double tolerance,
                  const std::string& what) {
  for (int64_t i = 0; i < t.count(); ++i) {
    const double e = expected[static_cast<size_t>(i)];
    if (!(std::fabs(value_at(t, i) - e) <= tolerance * (1 + std::fabs(e)))) {
      fail(__FILE__, __LINE__,
           what + "[" + std::to_string(i) + "]: " + std::to_string(value_at(t, i)) + " against " +
               std::to_string(e));
      return;
    }
  }
}

// Runs on every instruction set and several thread counts; hands on the outputs of each set.
void run_all(const char* op, const Attrs& attrs, const std::vector<Tensor>& inputs,
             const std::vector<TensorSpec>& outputs,
             const std::function<void(const Result&, const std::string&)>& check) {
  for_each_isa([&](const char* isa) {
    const Result one = run_op(cpu::kernel_entries(), op, attrs, inputs, outputs, 1);
    CHECK_EQ(one.refused, std::string());
    if (!one.refused.empty()) return;
    for (const int threads : {2, 3, 5}) {
      const Result many = run_op(cpu::kernel_entries(), op, attrs, inputs, outputs, threads);
      for (size_t i = 0; i < outputs.size(); ++i) {
        CHECK(same_bits(one.outputs[i], many.outputs[i]));
      }
    }
    check(one, std::string(op) + " " + isa + " " + shape_text(inputs[0]));
  });
}

double tolerance_of(DType dtype) { return dtype == DType::Float64 ? 1e-11 : 3e-5; }

struct Softmax {
  Values p, log_p;
};
Softmax softmax_of(const Values& x, int64_t rows, int64_t columns) {
  Softmax s{x, x};
  for (int64_t r = 0; r < rows; ++r) {
    double m = -INFINITY, sum = 0;
    auto at = [&](int64_t c) { return static_cast<size_t>(r * columns + c); };
    for (int64_t c = 0; c < columns; ++c) m = std::max(m, x[at(c)]);
    for (int64_t c = 0; c < columns; ++c) sum += std::exp(x[at(c)] - m);
    for (int64_t c = 0; c < columns; ++c) {
      s.log_p[at(c)] = x[at(c)] - m - std::log(sum);
      s.p[at(c)] = std::exp(s.log_p[at(c)]);
    }
  }
  return s;
}

const std::vector<std::pair<int64_t, int64_t>> kMatrices = {
    {1, 1},  {0, 5},  {5, 2},  {3, 10},   {32, 10},   {7, 15},
    {7, 16}, {7, 17}, {5, 67}, {2, 1000}, {3000, 10}, {257, 96}};

}  // namespace

TEST(softmax_and_gradients) {
  for (const DType dtype : {DType::Float32, DType::Float64}) {
    for (const auto& [rows, columns] : kMatrices) {
      Random random(1);
      const Ints shape = {rows, columns};
      const Attrs axis{{"axis", int64_t{1}}};
      const Tensor x = random_tensor(random, dtype, shape, -8, 8);
      const Tensor dy = random_tensor(random, dtype, shape, -1, 1);
      const Softmax s = softmax_of(values_of(x), rows, columns);
      const double tolerance = tolerance_of(dtype);
      const std::vector<TensorSpec> out = {{dtype, shape}};
      run_all("softmax", axis, {x}, out, [&](const Result& r, const std::string& what) {
        check_values(r.outputs[0], s.p, tolerance, what);
      });
      run_all("log_softmax", axis, {x}, out, [&](const Result& r, const std::string& what) {
        check_values(r.outputs[0], s.log_p, tolerance, what);
      });
      Tensor p = tensor_of(dtype, shape, s.p), log_p = tensor_of(dtype, shape, s.log_p);
      Values plain = s.p, logarithm = s.p;
      const Values d = values_of(dy);
      for (int64_t r = 0; r < rows; ++r) {
        double dot = 0, sum = 0;
        for (int64_t c = 0; c < columns; ++c) {
          const size_t i = static_cast<size_t>(r * columns + c);
          dot += s.p[i] * d[i];
          sum += d[i];
        }
        for (int64_t c = 0; c < columns; ++c) {
          const size_t i = static_cast<size_t>(r * columns + c);
          plain[i] = s.p[i] * (d[i] - dot);
          logarithm[i] = d[i] - s.p[i] * sum;
        }
      }
      run_all("softmax_grad", axis, {p, dy}, out, [&](const Result& r, const std::string& what) {
        check_values(r.outputs[0], plain, tolerance, what);
      });
      run_all("log_softmax_grad", axis, {log_p, dy}, out,
              [&](const Result& r, const std::string& what) {
                check_values(r.outputs[0], logarithm, tolerance, what);
              });
    }
  }
}

TEST(cross_entropy_and_gradients) {
  for (const DType dtype : {DType::Float32, DType::Float64}) {
    for (const auto& [rows, columns] : kMatrices) {
      Random random(2);
      const Ints shape = {rows, columns};
      const Tensor x = random_tensor(random, dtype, shape, -8, 8);
      const Tensor target = random_tensor(random, dtype, shape, 0, 1);
      const Tensor dloss = random_tensor(random, dtype, {rows}, -1, 1);
      Tensor labels = Tensor::empty(DType::Int64, {rows});
      for (int64_t r = 0; r < rows; ++r) {
        labels.mutable_data_as<int64_t>()[r] = random.integer(0, columns - 1);
      }
      const Softmax s = softmax_of(values_of(x), rows, columns);
      const Values t = values_of(target), d = values_of(dloss);
      Values loss, sparse_loss, grad = s.p, sparse_grad = s.p;
      for (int64_t r = 0; r < rows; ++r) {
        double sum = 0, total = 0;
        const int64_t label = labels.data_as<int64_t>()[r];
        auto at = [&](int64_t c) { return static_cast<size_t>(r * columns + c); };
        for (int64_t c = 0; c < columns; ++c) {
          sum -= t[at(c)] * s.log_p[at(c)];
          total += t[at(c)];
        }
        for (int64_t c = 0; c < columns; ++c) {
          const double weight = d[static_cast<size_t>(r)];
          grad[at(c)] = (s.p[at(c)] * total - t[at(c)]) * weight;
          sparse_grad[at(c)] = (s.p[at(c)] - (c == label)) * weight;
        }
        loss.push_back(sum);
        sparse_loss.push_back(-s.log_p[at(label)]);
      }
      const double tolerance = tolerance_of(dtype);
      const std::vector<TensorSpec> row = {{dtype, {rows}}}, whole = {{dtype, shape}};
      run_all("softmax_cross_entropy", {}, {x, target}, row,
              [&](const Result& r, const std::string& what) {
                check_values(r.outputs[0], loss, tolerance, what);
              });
      run_all("softmax_cross_entropy_grad", {}, {x, target, dloss}, whole,
              [&](const Result& r, const std::string& what) {
                check_values(r.outputs[0], grad, tolerance, what);
              });
      run_all("sparse_softmax_cross_entropy", {}, {x, labels}, row,
              [&](const Result& r, const std::string& what) {
                CHECK_EQ(r.status, 0u);
                check_values(r.outputs[0], sparse_loss, tolerance, what);
              });
      run_all("sparse_softmax_cross_entropy_grad", {}, {x, labels, dloss}, whole,
              [&](const Result& r, const std::string& what) {
                check_values(r.outputs[0], sparse_grad, tolerance, what);
              });
    }
  }
}

TEST(bad_and_ignored_labels) {
  Random random(3);
  const Tensor x = random_tensor(random, DType::Float32, {4, 10});
  const Tensor labels = tensor_of(DType::Int32, {4}, {3, 10, -1, 0});
  const Tensor dloss = tensor_of(DType::Float32, {4}, {1});
  for (const bool ignore : {false, true}) {
    Attrs attrs;
    if (ignore) attrs.set("ignore", int64_t{-1});
    run_all("sparse_softmax_cross_entropy", attrs, {x, labels}, {{DType::Float32, {4}}},
            [&](const Result& r, const std::string&) {
              CHECK_EQ(r.status, uint32_t{kStatusBadLabel});  // the label 10 in both cases
              CHECK_EQ(value_at(r.outputs[0], 1), 0.0);
              CHECK_EQ(value_at(r.outputs[0], 2), 0.0);
              CHECK(value_at(r.outputs[0], 0) > 0);
            });
    run_all("sparse_softmax_cross_entropy_grad", attrs, {x, labels, dloss},
            {{DType::Float32, {4, 10}}}, [&](const Result& r, const std::string&) {
              for (int64_t i = 10; i < 30; ++i) CHECK_EQ(value_at(r.outputs[0], i), 0.0);
            });
  }
  Attrs attrs;
  attrs.set("ignore", int64_t{10});
  const Tensor fine = tensor_of(DType::UInt8, {4}, {3, 10, 9, 0});
  run_all("sparse_softmax_cross_entropy", attrs, {x, fine}, {{DType::Float32, {4}}},
          [&](const Result& r, const std::string&) { CHECK_EQ(r.status, 0u); });
}

namespace {

// The normalised values of groups: element i belongs to group(i); gamma and beta by weight(i).
struct Normalised {
  Values y, mean, variance, dx, dgamma, dbeta;
};

Normalised normalise(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& dy,
                     int64_t groups, const std::function<int64_t(int64_t)>& group,
                     const std::function<int64_t(int64_t)>& weight, double epsilon) {
  const Values v = values_of(x), g = values_of(gamma), b = values_of(beta), d = values_of(dy);
  Normalised n;
  const size_t k = static_cast<size_t>(groups);
  n.mean.assign(k, 0);
  n.variance.assign(k, 0);
  n.dgamma.assign(g.size(), 0);
  n.dbeta.assign(g.size(), 0);
  Values s1(k, 0), s2(k, 0);
  const double size =
      static_cast<double>(x.count()) / static_cast<double>(std::max<int64_t>(1, groups));
  auto G = [&](size_t i) { return static_cast<size_t>(group(static_cast<int64_t>(i))); };
  auto W = [&](size_t i) { return static_cast<size_t>(weight(static_cast<int64_t>(i))); };
  for (size_t i = 0; i < v.size(); ++i) n.mean[G(i)] += v[i] / size;
  for (size_t i = 0; i < v.size(); ++i) n.variance[G(i)] += std::pow(v[i] - n.mean[G(i)], 2) / size;
  auto hat = [&](size_t i) {
    return (v[i] - n.mean[G(i)]) / std::sqrt(n.variance[G(i)] + epsilon);
  };
  for (size_t i = 0; i < v.size(); ++i) {
    n.y.push_back(hat(i) * g[W(i)] + b[W(i)]);
    n.dgamma[W(i)] += d[i] * hat(i);
    n.dbeta[W(i)] += d[i];
    s1[G(i)] += d[i] * g[W(i)] / size;
    s2[G(i)] += d[i] * g[W(i)] * hat(i) / size;
  }
  for (size_t i = 0; i < v.size(); ++i) {
    n.dx.push_back((d[i] * g[W(i)] - s1[G(i)] - hat(i) * s2[G(i)]) /
                   std::sqrt(n.variance[G(i)] + epsilon));
  }
  return n;
}

void check_norm(const char* op, const char* grad, const Attrs& attrs, DType dtype, int64_t rows,
                int64_t columns, bool batch, double offset) {
  Random random(4);
  const Ints shape = {rows, columns};
  const Tensor x = random_tensor(random, dtype, shape, offset - 1, offset + 3);
  const Tensor dy = random_tensor(random, dtype, shape);
  const Tensor gamma = random_tensor(random, dtype, {columns}, 0.5, 2);
  const Tensor beta = random_tensor(random, dtype, {columns});
  const int64_t groups = batch ? columns : rows;
  auto column = [&](int64_t i) { return i % columns; };
  auto row = [&](int64_t i) { return i / columns; };
  const Normalised n = batch ? normalise(x, gamma, beta, dy, groups, column, column, 1e-3)
                             : normalise(x, gamma, beta, dy, groups, row, column, 1e-3);
  const double tolerance = tolerance_of(dtype) * (1 + std::fabs(offset)) * 4;
  run_all(op, attrs, {x, gamma, beta}, {{dtype, shape}, {dtype, {groups}}, {dtype, {groups}}},
          [&](const Result& r, const std::string& what) {
            check_values(r.outputs[0], n.y, tolerance, what);
            check_values(r.outputs[1], n.mean, tolerance, what + " mean");
            check_values(r.outputs[2], n.variance, tolerance, what + " variance");
          });
  const Tensor mean = tensor_of(dtype, {groups}, groups ? n.mean : Values{0});
  const Tensor variance = tensor_of(dtype, {groups}, groups ? n.variance : Values{0});
  run_all(grad, attrs, {x, gamma, mean, variance, dy},
          {{dtype, shape}, {dtype, {columns}}, {dtype, {columns}}},
          [&](const Result& r, const std::string& what) {
            check_values(r.outputs[0], n.dx, tolerance, what);
            check_values(r.outputs[1], n.dgamma, tolerance * 4, what + " dgamma");
            check_values(r.outputs[2], n.dbeta, tolerance * 4, what + " dbeta");
          });
}

}  // namespace

TEST(layer_norm) {
  for (const DType dtype : {DType::Float32, DType::Float64}) {
    for (const auto& [rows, columns] : kMatrices) {
      check_norm("layer_norm", "layer_norm_grad", {{"epsilon", 1e-3}}, dtype, rows, columns, false,
                 0);
    }
  }
}

TEST(batch_norm) {
  const Attrs attrs{{"epsilon", 1e-3}, {"axes", Ints{0}}};
  for (const DType dtype : {DType::Float32, DType::Float64}) {
    for (const auto& [rows, columns] : kMatrices) {
      if (rows == 0) continue;
      check_norm("batch_norm", "batch_norm_grad", attrs, dtype, rows, columns, true, 0);
    }
    check_norm("batch_norm", "batch_norm_grad", attrs, dtype, 3000, 33, true, 100);
  }
}

namespace {

// Batch normalisation as a rewrite leaves it: with ReLU up to `limit` (infinite for ReLU itself)
// and perhaps a sum before it, and the gradient with ReLU's gate.
void check_activated_norm(DType dtype, int64_t rows, int64_t columns, double limit, bool residual) {
  Random random(5);
  const Ints shape = {rows, columns};
  const Tensor x = random_tensor(random, dtype, shape, -1, 3);
  const Tensor other = random_tensor(random, dtype, shape);
  const Tensor gamma = random_tensor(random, dtype, {columns}, 0.5, 2);
  const Tensor beta = random_tensor(random, dtype, {columns});
  auto column = [&](int64_t i) { return i % columns; };
  auto norm_of = [&](const Tensor& dy) {
    return normalise(x, gamma, beta, dy, columns, column, column, 1e-3);
  };
  const Values added = values_of(other);
  Normalised n = norm_of(other);
  Values y = n.y, gated = added;
  for (size_t i = 0; i < y.size(); ++i) {
    if (!(n.y[i] > 0 && n.y[i] < limit)) gated[i] = 0;
    if (residual) y[i] += added[i];
    y[i] = std::min(std::max(y[i], 0.0), limit);
  }
  n = norm_of(tensor_of(dtype, shape, gated));
  Attrs attrs{{"epsilon", 1e-3}, {"axes", Ints{0}}, {"activation", std::string("relu")}};
  if (limit < INFINITY) attrs.set("limit", limit);
  const double tolerance = tolerance_of(dtype) * 4;
  const Ints kept = {columns};
  std::vector<Tensor> operands = {x, gamma, beta};
  if (residual) operands.push_back(other);
  run_all("cpu.batch_norm", attrs, operands, {{dtype, shape}, {dtype, kept}, {dtype, kept}},
          [&](const Result& r, const std::string& what) {
            check_values(r.outputs[0], y, tolerance, what);
          });
  if (residual) return;
  const Tensor mean = tensor_of(dtype, kept, n.mean), variance = tensor_of(dtype, kept, n.variance);
  run_all("cpu.batch_norm_grad", attrs, {x, gamma, mean, variance, other, beta},
          {{dtype, shape}, {dtype, kept}, {dtype, kept}},
          [&](const Result& r, const std::string& what) {
            check_values(r.outputs[0], n.dx, tolerance, what);
            check_values(r.outputs[1], n.dgamma, tolerance * 4, what + " dgamma");
            check_values(r.outputs[2], n.dbeta, tolerance * 4, what + " dbeta");
          });
}

}  // namespace

TEST(batch_norm_with_an_activation) {
  for (const DType dtype : {DType::Float32, DType::Float64}) {
    for (const double limit : {0.75, static_cast<double>(INFINITY)}) {
      for (const bool residual : {false, true}) {
        for (const int64_t columns : {1, 5, 16, 37, 100, 270}) {
          check_activated_norm(dtype, 40, columns, limit, residual);
        }
        check_activated_norm(dtype, 3000, 33, limit, residual);
      }
    }
  }
}
