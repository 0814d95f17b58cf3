#include "eager_tape.h"

#include <cmath>
#include <map>
#include <stdexcept>

#include "check.h"
#include "kernels/reference/reference.h"

namespace nacre::check {
namespace {

const OpEntry* entry_of(const char* name) {
  for (const OpEntry& entry : reference_backend().entries()) {
    if (std::string_view(entry.op) == name) return &entry;
  }
  return nullptr;
}

std::vector<int64_t> sizes(const Shape& shape) { return evaluate(shape, Bindings()); }

// Memory of the reference backend holding a copy of a tensor.
struct DeviceBuffer {
  DeviceBuffer(size_t size, const void* from) : bytes(size) {
    data = reference_backend().allocate(bytes);
    if (from) reference_backend().copy_in(data, from, bytes);
  }
  ~DeviceBuffer() { reference_backend().release(data, bytes); }
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;
  size_t bytes;
  void* data;
};

}  // namespace

Value EagerTape::record(Node node) {
  nodes_.push_back(std::move(node));
  return {static_cast<int32_t>(nodes_.size() - 1), 0};
}

Value EagerTape::input(const Array& array) {
  Tensor tensor = Tensor::empty(array.dtype, array.shape);
  for (size_t i = 0; i < array.values.size(); ++i) {
    Tensor one = Tensor::scalar(array.values[i], array.dtype);
    const size_t size = dtype_size(array.dtype);
    std::copy_n(one.data_as<char>(), size, tensor.mutable_data_as<char>() + i * size);
  }
  Shape shape(array.shape.begin(), array.shape.end());
  return record({&get_op("input"), {}, {}, {{array.dtype, shape}}, {tensor}});
}

Array EagerTape::read(Value value) const {
  const Tensor& tensor = nodes_[value.node].results[value.out];
  Array array{tensor.shape(), {}, tensor.dtype()};
  const size_t size = dtype_size(tensor.dtype());
  for (int64_t i = 0; i < tensor.count(); ++i) {
    array.values.push_back(
        Tensor::from_bytes(tensor.data_as<char>() + i * size, tensor.dtype(), {}).item_as_double());
  }
  return array;
}

const TensorType& EagerTape::type(Value value) const { return nodes_[value.node].types[value.out]; }

Value EagerTape::constant(double value, DType dtype) {
  return record({&get_op("constant"), {}, {}, {{dtype, {}}}, {Tensor::scalar(value, dtype)}});
}

std::vector<Tensor> EagerTape::run(const OpDef& op, const Node& node) {
  std::vector<TensorSpec> in, out;
  std::vector<std::unique_ptr<DeviceBuffer>> buffers;
  std::vector<const void*> from;
  std::vector<void*> to;
  for (Value value : node.inputs) {
    const Tensor& tensor = nodes_[value.node].results[value.out];
    in.push_back({tensor.dtype(), tensor.shape()});
    buffers.push_back(std::make_unique<DeviceBuffer>(tensor.bytes(), tensor.data()));
    from.push_back(buffers.back()->data);
  }
  for (const TensorType& type : node.types) {
    out.push_back({type.dtype, sizes(type.shape)});
    buffers.push_back(std::make_unique<DeviceBuffer>(out.back().bytes(), nullptr));
    to.push_back(buffers.back()->data);
  }
  const Attrs attrs = node.attrs.bound(Bindings());
  const OpCase c{op.name, attrs, in, out};
  const OpEntry* entry = entry_of(op.name);
  if (!entry) throw std::runtime_error(std::string("no kernel for ") + op.name);
  const std::string why = entry->refuse ? entry->refuse(c) : std::string();
  if (!why.empty()) throw std::runtime_error(why);
  const Kernel kernel = entry->prepare(c);
  int64_t offender = 0;
  const KernelContext context{nullptr, nullptr, 1, &status_, &offender, nullptr};
  kernel.fn(kernel.params.get(), from.data(), to.data(), context);
  std::vector<Tensor> results;
  for (size_t i = 0; i < to.size(); ++i) {
    Tensor tensor = Tensor::empty(out[i].dtype, out[i].shape);
    reference_backend().copy_out(tensor.mutable_data(), to[i], tensor.bytes());
    results.push_back(tensor);
  }
  return results;
}

std::vector<Value> EagerTape::emit(const OpDef& op, std::vector<Value> inputs, Attrs attrs) {
  std::vector<TensorType> operands;
  for (Value value : inputs) operands.push_back(type(value));
  std::vector<Constraint> constraints;
  InferContext context{op.name, operands, attrs, constraints};
  std::vector<TensorType> types = op.infer(context);
  Node node{&op, std::move(inputs), std::move(attrs), std::move(types), {}};
  CHECK(constraints.empty());
  if (op.decompose) {
    std::vector<Value> values = op.decompose(*this, node.inputs, node.attrs);
    CHECK_EQ(values.size(), node.types.size());
    for (size_t i = 0; i < values.size(); ++i) CHECK(type(values[i]) == node.types[i]);
    if (decompose_ || !op.gradient) return values;
    for (Value value : values) node.results.push_back(nodes_[value.node].results[value.out]);
  } else if (op.is(kAlias)) {
    const Value first = node.inputs[0];
    node.results = {nodes_[first.node].results[first.out].reshaped(sizes(node.types[0].shape))};
  } else {
    node.results = run(op, node);
  }
  const size_t count = node.types.size();
  const int32_t id = record(std::move(node)).node;
  std::vector<Value> values;
  for (size_t i = 0; i < count; ++i) values.push_back({id, static_cast<int32_t>(i)});
  return values;
}

std::vector<Value> EagerTape::gradients(const std::vector<Value>& ys,
                                        const std::vector<Value>& weights,
                                        const std::vector<Value>& xs) {
  std::map<std::pair<int32_t, int32_t>, Value> grads;
  auto accumulate = [&](Value at, Value grad) {
    Value& sum = grads[{at.node, at.out}];
    sum = sum.valid() ? op("add", {sum, grad}) : grad;
    CHECK(type(sum) == type(at));
  };
  for (size_t i = 0; i < ys.size(); ++i) accumulate(ys[i], weights[i]);
  for (int32_t id = static_cast<int32_t>(nodes_.size()) - 1; id >= 0; --id) {
    const Node node = nodes_[id];
    if (node.op->is(kLeaf) || node.op->is(kNonDifferentiable)) continue;
    std::vector<Value> outputs, incoming;
    bool any = false;
    for (size_t i = 0; i < node.types.size(); ++i) {
      outputs.push_back({id, static_cast<int32_t>(i)});
      auto found = grads.find({id, static_cast<int32_t>(i)});
      incoming.push_back(found == grads.end() ? Value{} : found->second);
      any |= incoming.back().valid();
    }
    if (!any) continue;
    std::vector<Value> flowing =
        node.op->gradient({*this, node.inputs, outputs, incoming, node.attrs});
    CHECK_EQ(flowing.size(), node.inputs.size());
    for (size_t i = 0; i < flowing.size(); ++i) {
      if (!flowing[i].valid()) continue;
      CHECK(is_floating(type(node.inputs[i]).dtype));
      accumulate(node.inputs[i], flowing[i]);
    }
  }
  std::vector<Value> results;
  for (Value x : xs) results.push_back(grads[{x.node, x.out}]);
  return results;
}

namespace {

// Fixed numbers that make a scalar of any result.
Value weights_like(EagerTape& tape, Value value, uint64_t seed) {
  Array weights = tape.read(value);
  Random random(seed);
  for (double& w : weights.values) w = random.uniform();
  return tape.input(weights);
}

double weighted(const EagerTape& tape, Value value, Value weights) {
  const Array a = tape.read(value), w = tape.read(weights);
  double sum = 0;
  for (size_t i = 0; i < a.values.size(); ++i) sum += a.values[i] * w.values[i];
  return sum;
}

// The function at `order` 0; its gradients for the float64 inputs, as further results, at 1.
std::vector<Value> evaluate_order(EagerTape& tape, const std::vector<Value>& xs,
                                  const Function& function, int order) {
  std::vector<Value> floats;
  for (Value y : function(tape, xs)) {
    if (is_floating(tape.type(y).dtype)) floats.push_back(y);
  }
  if (order == 0) return floats;
  std::vector<Value> weights, wanted, found;
  for (size_t i = 0; i < floats.size(); ++i) {
    weights.push_back(weights_like(tape, floats[i], 100 + i));
  }
  for (Value x : xs) {
    if (tape.type(x).dtype == DType::Float64) wanted.push_back(x);
  }
  for (Value grad : tape.gradients(floats, weights, wanted)) {
    if (grad.valid()) found.push_back(grad);
  }
  return found;
}

double scalar_of(const std::vector<Array>& inputs, const Function& function, int order,
                 bool decompose) {
  EagerTape tape(decompose);
  std::vector<Value> xs;
  for (const Array& input : inputs) xs.push_back(tape.input(input));
  const std::vector<Value> ys = evaluate_order(tape, xs, function, order);
  double sum = 0;
  for (size_t i = 0; i < ys.size(); ++i) {
    sum += weighted(tape, ys[i], weights_like(tape, ys[i], 200 + i));
  }
  return sum;
}

void check_order(const char* name, std::vector<Array> inputs, const Function& function, int order,
                 bool decompose) {
  EagerTape tape(decompose);
  std::vector<Value> xs;
  for (const Array& input : inputs) xs.push_back(tape.input(input));
  const std::vector<Value> ys = evaluate_order(tape, xs, function, order);
  std::vector<Value> weights;
  for (size_t i = 0; i < ys.size(); ++i) weights.push_back(weights_like(tape, ys[i], 200 + i));
  const std::vector<Value> grads = tape.gradients(ys, weights, xs);
  CHECK_EQ(tape.status(), 0u);
  for (size_t k = 0; k < inputs.size(); ++k) {
    if (inputs[k].dtype != DType::Float64) continue;
    std::vector<double> analytic(inputs[k].values.size(), 0.0);
    if (grads[k].valid()) analytic = tape.read(grads[k]).values;
    for (size_t i = 0; i < analytic.size(); ++i) {
      const double at = inputs[k].values[i], h = 1e-5 * std::max(1.0, std::fabs(at));
      inputs[k].values[i] = at + h;
      const double above = scalar_of(inputs, function, order, decompose);
      inputs[k].values[i] = at - h;
      const double below = scalar_of(inputs, function, order, decompose);
      inputs[k].values[i] = at;
      const double numeric = (above - below) / (2 * h);
      const double tolerance = 2e-6 * (1 + std::fabs(numeric) + std::fabs(above) * 1e-2);
      if (!(std::fabs(numeric - analytic[i]) <= tolerance)) {
        fail(name, order,
             std::string(decompose ? "decomposed" : "fast") + " derivative by input " +
                 std::to_string(k) + " element " + std::to_string(i) + ": " +
                 std::to_string(analytic[i]) + " against " + std::to_string(numeric));
      }
    }
  }
}

}  // namespace

void check_gradients(const char* name, const std::vector<Array>& inputs, const Function& function,
                     int order) {
  try {
    for (bool decompose : {false, true}) {
      for (int i = 0; i < order; ++i) check_order(name, inputs, function, i, decompose);
    }
  } catch (const std::exception& error) {
    fail(name, 0, error.what());
  }
}

}  // namespace nacre::check
