#pragma once

// Builds graphs and runs them.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "graph/autodiff.h"
#include "graph/executable.h"
#include "graph/graph.h"
#include "reference_case.h"

namespace nacre::check {

using GraphValues = std::vector<Value>;

inline GraphPtr new_graph() { return std::make_shared<Graph>(); }

inline TensorType f64(Shape shape) { return {DType::Float64, std::move(shape)}; }
inline TensorType f32(Shape shape) { return {DType::Float32, std::move(shape)}; }

inline Tensor tensor64(Shape64 shape, const Values& values) {
  return make(DType::Float64, std::move(shape), values);
}
inline Tensor tensor32(Shape64 shape, const Values& values) {
  return make(DType::Float32, std::move(shape), values);
}

inline Tensor random_tensor(DType dtype, Shape64 shape, uint64_t seed, double low = -1,
                            double high = 1) {
  Random random(seed);
  Values values(static_cast<size_t>(element_count(shape)));
  for (double& value : values) value = random.uniform(low, high);
  return make(dtype, std::move(shape), values);
}

inline VariablePtr variable(const Tensor& value, std::string name = "variable") {
  return std::make_shared<Variable>(value, std::move(name));
}

inline Value matmul(Graph& graph, Value a, Value b, bool transpose_a = false,
                    bool transpose_b = false) {
  return graph.op("matmul", {a, b}, {{"transpose_a", transpose_a}, {"transpose_b", transpose_b}});
}
inline Value sum_all(Graph& graph, Value value) {
  std::vector<int64_t> axes(graph.type(value).shape.size());
  for (size_t i = 0; i < axes.size(); ++i) axes[i] = static_cast<int64_t>(i);
  if (axes.empty()) return value;
  return graph.op("reduce_sum", {value}, {{"axes", axes}, {"keepdims", false}});
}
inline Value times(Graph& graph, Value value, double factor) {
  return graph.op("mul", {value, graph.constant(factor, graph.type(value).dtype)});
}

inline Values run_values(const Graph& graph, const char* backend,
                         const std::vector<Tensor>& inputs) {
  Executable executable(graph, find_backend(backend), "test");
  Values all;
  for (const Tensor& tensor : executable.run(inputs)) {
    for (double value : values_of(tensor)) all.push_back(value);
  }
  return all;
}

inline void check_values(const Values& found, const Values& expected, double tolerance,
                         const char* what) {
  if (found.size() != expected.size()) {
    fail(what, 0,
         std::to_string(found.size()) + " values, expected " + std::to_string(expected.size()));
    return;
  }
  for (size_t i = 0; i < found.size(); ++i) {
    check_near(found[i], expected[i], tolerance, what, "value", static_cast<int>(i));
  }
}

// `build` gives a scalar in float64; its gradients are held against central differences of the same
// graph, and when `order` is 2 so are the gradients of a function of these gradients.
using Scalar = std::function<Value(Graph& graph, const GraphValues& inputs)>;

inline Value weighted_sum(Graph& graph, const GraphValues& values) {
  Value total = graph.constant(0.0, DType::Float64);
  double weight = 1.0;
  for (Value value : values) {
    weight += 0.7;
    const Value sum = sum_all(graph, graph.op("sin", {value}));
    total = graph.op("add", {total, times(graph, sum, weight)});
  }
  return total;
}

inline void check_differences(const char* what, const std::vector<Tensor>& inputs,
                              const Scalar& build, int order = 2, const char* backend = "cpu") {
  Scalar function = build;
  for (int depth = 1; depth <= order; ++depth) {
    GraphPtr plain = new_graph(), derived = new_graph();
    GraphValues arguments[2];
    for (int i = 0; i < 2; ++i) {
      Graph& graph = i ? *derived : *plain;
      for (const Tensor& tensor : inputs) {
        const Shape shape(tensor.shape().begin(), tensor.shape().end());
        arguments[i].push_back(graph.input({tensor.dtype(), shape}, "x"));
      }
    }
    plain->outputs = {function(*plain, arguments[0])};
    const GraphValues grads =
        gradients(*derived, {function(*derived, arguments[1])}, arguments[1], {});
    for (size_t i = 0; i < grads.size(); ++i) {
      derived->outputs.push_back(grads[i].valid() ? grads[i] : times(*derived, arguments[1][i], 0));
    }
    const Values found = run_values(*derived, backend, inputs);
    Executable executable(*plain, find_backend(backend), "differences");
    Values expected;
    for (size_t i = 0; i < inputs.size(); ++i) {
      Values at = values_of(inputs[i]);
      for (double& x : at) {
        const double before = x, step = 1e-5;
        double sides[2];
        for (int side = 0; side < 2; ++side) {
          x = before + (side ? step : -step);
          std::vector<Tensor> moved = inputs;
          moved[i] = tensor64(inputs[i].shape(), at);
          sides[side] = executable.run(moved)[0].item_as_double();
        }
        x = before;
        expected.push_back((sides[1] - sides[0]) / (2 * step));
      }
    }
    double largest = 1;
    for (double value : expected) largest = std::max(largest, std::fabs(value));
    check_values(found, expected, 2e-6 * largest, what);
    function = [function](Graph& graph, const GraphValues& xs) {
      GraphValues valid;
      for (Value grad : gradients(graph, {function(graph, xs)}, xs, {})) {
        if (grad.valid()) valid.push_back(grad);
      }
      return weighted_sum(graph, valid);
    };
  }
}

}  // namespace nacre::check
