#pragma once

// A builder that computes every op at once on the reference backend, and reverse accumulation over
// what it recorded: enough to hold gradients and decompositions against finite differences without
// any graph machinery.

#include <functional>
#include <vector>

#include "core/tensor.h"
#include "ops/op.h"

namespace nacre::check {

struct Array {
  std::vector<int64_t> shape;
  std::vector<double> values;
  DType dtype = DType::Float64;
};

class EagerTape : public Builder {
 public:
  // Composites are recorded as their decompositions, so that these are what is differentiated.
  explicit EagerTape(bool decompose) : decompose_(decompose) {}

  Value input(const Array& array);
  Array read(Value value) const;

  std::vector<Value> emit(const OpDef& op, std::vector<Value> inputs, Attrs attrs) override;
  const TensorType& type(Value value) const override;
  Value constant(double value, DType dtype) override;

  // Gradients of the sum of `ys` times `weights`; invalid where nothing flows.
  std::vector<Value> gradients(const std::vector<Value>& ys, const std::vector<Value>& weights,
                               const std::vector<Value>& xs);
  uint32_t status() const { return status_; }

 private:
  struct Node {
    const OpDef* op;
    std::vector<Value> inputs;
    Attrs attrs;
    std::vector<TensorType> types;
    std::vector<Tensor> results;
  };
  Value record(Node node);
  std::vector<Tensor> run(const OpDef& op, const Node& node);

  bool decompose_;
  uint32_t status_ = 0;
  std::vector<Node> nodes_;
};

using Function = std::function<std::vector<Value>(Builder& b, const std::vector<Value>& inputs)>;

// Holds first and second derivatives with respect to every float64 input against central
// differences, with composites as fast ops and decomposed. `order` 1 leaves out the second.
void check_gradients(const char* name, const std::vector<Array>& inputs, const Function& function,
                     int order = 2);

}  // namespace nacre::check
