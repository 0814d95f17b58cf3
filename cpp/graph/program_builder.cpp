#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <string_view>

#include "core/error.h"
#include "graph/planner.h"
#include "graph/program_region.h"
#include "graph/schedule.h"

namespace nacre {
namespace {

// Between two looks for a signal a program may run about this long (nanoseconds, one core).
constexpr double kPollEvery = 2e6;
// Memory traffic of a kernel that states no cost of its own: nanoseconds per byte.
constexpr double kNanosecondsPerByte = 0.1;

constexpr int32_t kNever = -1;

}  // namespace

// Binds one graph: a place for every value, and a kernel for every step of the schedule.
class ProgramBuilder {
 public:
  ProgramBuilder(const Graph& graph, const BackendTable& backend, const Bindings& bindings)
      : graph_(graph),
        backend_(backend),
        bindings_(bindings),
        schedule_(graph, backend.join != nullptr),
        groups_(schedule_.groups()),
        program_(new Program) {
    program_->backend_ = &backend;
  }

  std::shared_ptr<const Program> run() {
    check_constraints();
    bind_types();
    find_variables();
    place_values();
    find_lifetimes();
    share_buffers();
    emit_steps();
    finish();
    return std::shared_ptr<const Program>(std::move(program_));
  }

 private:
  using Place = Program::Place;
  using Location = Program::Location;
  using Key = std::pair<int32_t, int32_t>;

  static Key key(Value value) { return {value.node, value.out}; }
  const Node& node(int32_t id) const { return graph_.nodes[id]; }
  bool has_step(int32_t id) const { return schedule_.has_step(id); }
  bool is_size(int32_t id) const { return std::string_view(node(id).op->name) == "dim_size"; }
  bool is_variable(Value root) const { return node(root.node).variable != nullptr; }
  const TensorSpec& spec(Value value) const { return specs_[value.node][value.out]; }

  void check_constraints() const {
    for (const Constraint& constraint : graph_.constraints) {
      const int64_t left = constraint.left.evaluate(bindings_);
      const int64_t right = constraint.right.evaluate(bindings_);
      if (constraint.at_most ? left <= right : left == right) continue;
      const std::string sizes = std::to_string(left) + " and " + std::to_string(right) + " (" +
                                constraint.left.str() + " and " + constraint.right.str() + ")";
      throw ValueError(constraint.what + ": sizes " + sizes +
                       (constraint.at_most ? " are in the wrong order." : " differ."));
    }
  }

  void bind_types() {
    specs_.resize(graph_.nodes.size());
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      for (const TensorType& type : graph_.nodes[i].types) {
        specs_[i].push_back({type.dtype, evaluate(type.shape, bindings_)});
        for (int64_t size : specs_[i].back().shape) {
          if (size < 0) {
            throw ValueError(std::string(graph_.nodes[i].op->name) + ": a dimension would be " +
                             std::to_string(size) + " for this input size.");
          }
        }
        specs_[i].back().bytes();  // throws when the size does not fit
      }
    }
  }

  Value root(Value value) const { return schedule_.root(value); }

  // Variables in the order of RunOperands: those read first, then the others that are written.
  void find_variables() {
    variables_ = program_variables(graph_);
    for (size_t i = 0; i < variables_.size(); ++i) variable_index_[variables_[i].get()] = i;
  }

  // Whether the node may write `variable` in place: nothing reads the old value after it, and it
  // reads it itself only element by element.
  bool may_write(int32_t id, Value value, const Variable* variable) const {
    for (size_t i = static_cast<size_t>(schedule_.position(id)); i < groups_.size(); ++i) {
      for (int32_t reader : groups_[i]) {
        for (Value input : node(reader).inputs) {
          if (node(root(input).node).variable.get() != variable) continue;
          if (reader != id || spec(input).shape != spec(value).shape) return false;
        }
      }
    }
    return true;
  }

  void place_values() {
    for (const Assignment& a : graph_.assignments) {
      const Value source = root(a.value);
      const int32_t id = source.node;
      const bool direct = schedule_.in_tail(id) && !places_.count(key(source)) &&
                          may_write(id, source, a.variable.get());
      if (direct) places_[key(source)] = {Place::Variable, variable_index_.at(a.variable.get())};
      if (!direct) late_copies_.push_back({source, a.variable.get()});
    }
    for (size_t i = 0; i < graph_.outputs.size(); ++i) {
      const Value source = root(graph_.outputs[i]);
      if (has_step(source.node) && !places_.count(key(source))) {
        places_[key(source)] = {Place::Output, i};
      } else {
        output_copies_.push_back({source, i});
      }
    }
    for (size_t i = 0; i < graph_.inputs.size(); ++i) {
      places_[key(graph_.inputs[i])] = {Place::Input, i};
    }
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& n = graph_.nodes[i];
      const Key at{static_cast<int32_t>(i), 0};
      if (n.variable) places_[at] = {Place::Variable, variable_index_.at(n.variable.get())};
      if (n.constant.defined()) places_[at] = {Place::Constant, add_constant(n.constant)};
      if (is_size(static_cast<int32_t>(i))) {
        const int64_t size = n.attrs.shape("size")[0].evaluate(bindings_);
        places_[at] = {Place::Constant,
                       add_constant(Tensor::scalar(static_cast<double>(size), n.types[0].dtype))};
      }
    }
  }

  size_t add_constant(const Tensor& tensor) {
    const size_t bytes = tensor.bytes();
    void* memory = backend_.allocate(bytes);
    backend_.copy_in(memory, tensor.data(), bytes);
    program_->constants_.push_back(memory);
    program_->constant_sizes_.push_back(bytes);
    program_->constant_bytes_ += bytes;
    return program_->constants_.size() - 1;
  }

  // Steps count in order; the copies after them come last.
  void find_lifetimes() {
    const int32_t end = static_cast<int32_t>(groups_.size());
    for (size_t i = 0; i < groups_.size(); ++i) {
      const int32_t step = static_cast<int32_t>(i);
      for (int32_t id : groups_[i]) {
        for (size_t out = 0; out < node(id).types.size(); ++out) {
          const Key at{id, static_cast<int32_t>(out)};
          if (!places_.count(at)) buffer_of_[at] = add_buffer(specs_[id][out].bytes(), step, step);
        }
        for (Value input : node(id).inputs) extend(root(input), step);
      }
    }
    for (const auto& [source, variable] : late_copies_) extend(source, end);
    for (const auto& [source, index] : output_copies_) extend(source, end);
  }

  // First results take the memory of operands that nothing reads later, where kernels allow it.
  void share_buffers() {
    for (size_t i = 0; i < groups_.size(); ++i) {
      const int32_t id = groups_[i][0];
      const OpEntry* entry = find_entry(backend_, node(id).op->name);
      if (groups_[i].size() != 1 || entry == nullptr || entry->in_place < 0) continue;
      const std::vector<Value>& inputs = node(id).inputs;
      const Value operand = root(inputs[entry->in_place]);
      const auto readers = std::count_if(inputs.begin(), inputs.end(),
                                         [&](Value value) { return root(value) == operand; });
      const auto from = buffer_of_.find(key(operand)), to = buffer_of_.find({id, 0});
      if (readers != 1 || from == buffer_of_.end() || to == buffer_of_.end()) continue;
      Lifetime &shared = buffers_[from->second], &spared = buffers_[to->second];
      if (shared.last != static_cast<int32_t>(i) || shared.bytes != spared.bytes) continue;
      shared.last = spared.last;
      spared.bytes = 0;
      to->second = from->second;
    }
  }

  size_t add_buffer(size_t bytes, int32_t first, int32_t last) {
    buffers_.push_back({bytes, first, last, 0});
    return buffers_.size() - 1;
  }

  void extend(Value source, int32_t step) {
    auto it = buffer_of_.find(key(source));
    if (it != buffer_of_.end())
      buffers_[it->second].last = std::max(buffers_[it->second].last, step);
  }

  // ---- steps ----

  // Operands refer to arena buffers by number until offsets are known.
  struct Operand {
    uint32_t slot;
    Location location;
    bool is_buffer;
  };

  void emit_steps() {
    for (size_t i = 0; i < groups_.size(); ++i) {
      if (i == schedule_.tail_begin()) begin_tail();
      if (groups_[i].size() == 1) {
        add_node_step(groups_[i][0], static_cast<int32_t>(i));
      } else {
        add_joined_step(groups_[i], static_cast<int32_t>(i));
      }
    }
    if (groups_.size() == schedule_.tail_begin()) begin_tail();
    for (const auto& [source, index] : output_copies_) {
      if (!is_variable(source))
        add_copy(place_of(source), operand(Place::Output, index), spec(source).bytes());
    }
    for (size_t i = 0; i < late_copies_.size(); ++i) {
      const auto& [source, variable] = late_copies_[i];
      const Operand from = staged_.count(i) ? staged_.at(i) : place_of(source);
      add_copy(from, operand(Place::Variable, variable_index_.at(variable)), spec(source).bytes());
    }
  }

  // Old values of Variables that outputs or other Variables want are saved before any write.
  void begin_tail() {
    const int32_t step = static_cast<int32_t>(schedule_.tail_begin()),
                  end = static_cast<int32_t>(groups_.size());
    for (const auto& [source, index] : output_copies_) {
      if (is_variable(source))
        add_copy(place_of(source), operand(Place::Output, index), spec(source).bytes());
    }
    for (size_t i = 0; i < late_copies_.size(); ++i) {
      const Value source = late_copies_[i].first;
      if (!is_variable(source)) continue;
      const size_t buffer = add_buffer(spec(source).bytes(), step, end);
      staged_[i] = {0, {Place::Arena, buffer}, true};
      add_copy(place_of(source), staged_[i], spec(source).bytes());
    }
    program_->tail_ = program_->steps_.size();
    program_->writes_ = !graph_.assignments.empty();
  }

  Operand place_of(Value value) const {
    const Value source = root(value);
    if (auto it = places_.find(key(source)); it != places_.end()) return {0, it->second, false};
    return {0, {Place::Arena, buffer_of_.at(key(source))}, true};
  }

  void add_operand(Operand operand) {
    operand.slot = static_cast<uint32_t>(program_->table_size_++);
    operands_.push_back(operand);
  }

  static Operand operand(Place place, size_t index) { return {0, {place, index}, false}; }

  void add_copy(const Operand& from, const Operand& to, size_t bytes) {
    Program::Step step;
    step.name = "copy";
    step.copy_bytes = bytes;
    step.table = static_cast<uint32_t>(program_->table_size_);
    step.num_inputs = 1;
    add_operand(from);
    add_operand(to);
    program_->steps_.push_back(std::move(step));
    workspace_buffer_.push_back(kNever);
  }

  void add_joined_step(const std::vector<int32_t>& ids, int32_t position) {
    Program::Step step;
    step.name = "joined";
    step.table = static_cast<uint32_t>(program_->table_size_);
    std::vector<Attrs> attrs;
    std::vector<std::vector<TensorSpec>> inputs(ids.size());
    for (size_t i = 0; i < ids.size(); ++i) {
      attrs.push_back(node(ids[i]).attrs.bound(bindings_));
      for (Value input : node(ids[i]).inputs) {
        add_operand(place_of(input));
        inputs[i].push_back(spec(input));
        ++step.num_inputs;
      }
    }
    std::vector<OpCase> cases;
    for (size_t i = 0; i < ids.size(); ++i) {
      for (size_t out = 0; out < node(ids[i]).types.size(); ++out) {
        add_operand(place_of({ids[i], static_cast<int32_t>(out)}));
      }
      cases.push_back({node(ids[i]).op->name, attrs[i], inputs[i], specs_[ids[i]]});
    }
    step.kernel = backend_.join(cases);
    int32_t workspace = kNever;
    if (step.kernel.workspace > 0) {
      workspace = static_cast<int32_t>(add_buffer(step.kernel.workspace, position, position));
    }
    program_->steps_.push_back(std::move(step));
    workspace_buffer_.push_back(workspace);
  }

  void add_node_step(int32_t id, int32_t position) {
    const Node& n = node(id);
    Program::Step step;
    step.name = n.op->name;
    step.scope = graph_.scope_of(id);
    step.table = static_cast<uint32_t>(program_->table_size_);
    step.num_inputs = static_cast<uint32_t>(n.inputs.size());
    std::vector<TensorSpec> inputs;
    double bytes = 0;
    for (Value input : n.inputs) {
      add_operand(place_of(input));
      inputs.push_back(spec(input));
      bytes += static_cast<double>(inputs.back().bytes());
    }
    for (size_t out = 0; out < n.types.size(); ++out) {
      add_operand(place_of({id, static_cast<int32_t>(out)}));
      step.results.push_back({specs_[id][out].dtype, specs_[id][out].count()});
      bytes += static_cast<double>(specs_[id][out].bytes());
    }
    int32_t workspace = kNever;
    if (n.op->is(kRegion)) {
      step.region = make_region(n, inputs, position);
      cost_ += kPollEvery;
    } else {
      const Attrs attrs = n.attrs.bound(bindings_);
      const OpEntry* entry = find_entry(backend_, n.op->name);
      if (!entry)
        throw InternalError(std::string(n.op->name) + ": no " + backend_.name + " kernel");
      const OpCase request{n.op->name, attrs, inputs, specs_[id]};
      if (entry->refuse) {
        const std::string why = entry->refuse(request);
        if (!why.empty()) throw ValueError(scoped(id, why + "."));
      }
      step.kernel = entry->prepare(request);
      if (step.kernel.workspace > 0) {
        workspace = static_cast<int32_t>(add_buffer(step.kernel.workspace, position, position));
      }
      cost_ += std::max(step.kernel.cost, bytes * kNanosecondsPerByte);
    }
    if (cost_ >= kPollEvery) {
      step.poll = true;
      cost_ = 0;
    }
    program_->steps_.push_back(std::move(step));
    workspace_buffer_.push_back(workspace);
  }

  std::string scoped(int32_t id, const std::string& text) const {
    const std::string scope = graph_.scope_of(id);
    return scope.empty() ? text : scope + ": " + text;
  }

  // ---- regions ----

  std::unique_ptr<Program::Region> make_region(const Node& n, const std::vector<TensorSpec>& inputs,
                                               int32_t position) {
    auto region = std::make_unique<Program::Region>();
    const std::string_view name = n.op->name;
    region->kind = name == "scan"   ? Program::Region::Kind::Scan
                   : name == "cond" ? Program::Region::Kind::Cond
                                    : Program::Region::Kind::While;
    for (const auto& graph : n.regions) {
      Program::Region::Part part;
      part.program = Program::bind(*graph, backend_, bindings_);
      part.arena = add_buffer(part.program->arena_bytes(), position, position);
      part.table = static_cast<uint32_t>(program_->table_size_);
      program_->table_size_ += part.program->table_size();
      region->parts.push_back(std::move(part));
    }
    if (region->kind == Program::Region::Kind::Cond) return region;
    region->carries = static_cast<size_t>(n.attrs.integer("carries"));
    auto spares = [&](std::vector<size_t>& list) {
      for (size_t i = 0; i < region->carries; ++i) {
        list.push_back(add_buffer(inputs[i].bytes(), position, position));
      }
    };
    for (size_t i = 0; i < region->carries; ++i) region->carry_bytes.push_back(inputs[i].bytes());
    spares(region->spare);
    if (region->kind == Program::Region::Kind::While) {
      spares(region->second_spare);
      region->predicate = add_buffer(1, position, position);
      return region;
    }
    region->scanned = static_cast<size_t>(n.attrs.integer("scanned"));
    region->reverse = n.attrs.flag("reverse");
    region->length = n.attrs.shape("length")[0].evaluate(bindings_);
    const int64_t steps = std::max<int64_t>(region->length, 1);
    for (size_t i = 0; i < region->scanned; ++i) {
      region->x_bytes.push_back(inputs[region->carries + i].bytes() / steps);
    }
    const Program& body = *region->parts[0].program;
    for (size_t i = region->carries; i < body.outputs().size(); ++i) {
      region->y_bytes.push_back(body.outputs()[i].bytes());
    }
    return region;
  }

  // ---- offsets ----

  void finish() {
    program_->arena_bytes_ = plan_offsets(buffers_);
    for (const Operand& operand : operands_) {
      Location location = operand.location;
      if (operand.is_buffer) location.index = buffers_[location.index].offset;
      const bool fixed = location.place == Place::Arena || location.place == Place::Constant;
      (fixed ? program_->fixed_ : program_->patches_).push_back({operand.slot, location});
    }
    for (size_t i = 0; i < program_->steps_.size(); ++i) {
      Program::Step& step = program_->steps_[i];
      if (workspace_buffer_[i] != kNever) step.workspace = buffers_[workspace_buffer_[i]].offset;
      if (!step.region) continue;
      for (auto& part : step.region->parts) part.arena = buffers_[part.arena].offset;
      for (auto* list : {&step.region->spare, &step.region->second_spare}) {
        for (size_t& buffer : *list) buffer = buffers_[buffer].offset;
      }
      if (step.region->kind == Program::Region::Kind::While) {
        step.region->predicate = buffers_[step.region->predicate].offset;
      }
    }
    for (Value value : graph_.inputs) program_->inputs_.push_back(spec(value));
    for (Value value : graph_.outputs) program_->outputs_.push_back(spec(value));
  }

  const Graph& graph_;
  const BackendTable& backend_;
  const Bindings& bindings_;
  const Schedule schedule_;
  const std::vector<std::vector<int32_t>>& groups_;  // nodes of each step, in order
  std::unique_ptr<Program> program_;
  std::vector<std::vector<TensorSpec>> specs_;
  std::vector<VariablePtr> variables_;
  std::map<const Variable*, size_t> variable_index_;
  std::map<Key, Location> places_;
  std::map<Key, size_t> buffer_of_;
  std::vector<Lifetime> buffers_;
  std::vector<std::pair<Value, const Variable*>> late_copies_;
  std::vector<std::pair<Value, size_t>> output_copies_;
  std::map<size_t, Operand> staged_;
  std::vector<Operand> operands_;
  std::vector<int32_t> workspace_buffer_;
  double cost_ = 0;
};

std::vector<VariablePtr> program_variables(const Graph& graph) {
  std::vector<VariablePtr> variables;
  std::set<const Variable*> seen;
  for (const Node& node : graph.nodes) {
    if (node.variable && seen.insert(node.variable.get()).second)
      variables.push_back(node.variable);
  }
  for (const Assignment& a : graph.assignments) {
    if (seen.insert(a.variable.get()).second) variables.push_back(a.variable);
  }
  return variables;
}

std::shared_ptr<const Program> Program::bind(const Graph& lowered, const BackendTable& backend,
                                             const Bindings& bindings) {
  return ProgramBuilder(lowered, backend, bindings).run();
}

}  // namespace nacre
