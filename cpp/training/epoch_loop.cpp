#include "training/epoch_loop.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>

#include "core/error.h"
#include "parallel/thread_pool.h"

namespace nacre {
namespace {

using Clock = std::chrono::steady_clock;

// Seconds between looks for a signal.
constexpr double kSignalInterval = 0.02;

// Rows order[0..rows) of the data, or first, first + 1, ... when order is null.
struct Batch {
  const int64_t* order = nullptr;
  int64_t first = 0, rows = 0;
};

// Feeds one phase's executable batch by batch.
class Feeder {
 public:
  Feeder(const Phase& phase, Listener& listener)
      : phase_(phase), session_(*phase.executable, &Feeder::interrupted, &listener) {
    const std::vector<TensorType> types = phase.executable->input_types();
    if (types.size() != phase.sources.size()) {
      throw ValueError(phase.executable->name() + ": expected " + std::to_string(types.size()) +
                       " arrays. Received " + std::to_string(phase.sources.size()) + ".");
    }
    for (size_t i = 0; i < types.size(); ++i) {
      if (phase.sources[i].samples() != phase.samples()) {
        throw ValueError(
            "Arrays differ in their number of samples: " + std::to_string(phase.samples()) +
            " and " + std::to_string(phase.sources[i].samples()) + ".");
      }
      gathers_.emplace_back(phase.sources[i], types[i].dtype);
    }
    session_.check_finite(phase.check_finite);
    batches_.resize(types.size());
    shapes_.resize(types.size());
    context_ = make_context(&status_, &offender_, nullptr);
  }

  void run(const Batch& batch) {
    const auto [order, first, rows] = batch;
    if (rows != bound_rows_) bind(rows);
    for (size_t i = 0; i < gathers_.size(); ++i) {
      const void* direct = order ? nullptr : gathers_[i].in_place(first);
      if (!direct) {
        gathers_[i].rows(order, first, rows, batches_[i].mutable_data(), context_);
        direct = batches_[i].data();
      }
      session_.set_input(i, direct);
    }
    session_.run();
  }

  void read_logs(Logs& logs) const {
    for (size_t i = 0; i < results_.size(); ++i) logs[i] = read(results_[i]);
  }
  size_t num_logs() const { return phase_.executable->num_outputs(); }
  double log(size_t i) const { return read(results_[i]); }

 private:
  static bool interrupted(void* listener) {
    return static_cast<Listener*>(listener)->interrupted();
  }

  static double read(const Tensor& tensor) {
    if (tensor.dtype() == DType::Float32) return *tensor.data_as<float>();
    return tensor.item_as_double();
  }

  void bind(int64_t rows) {
    for (size_t i = 0; i < shapes_.size(); ++i) shapes_[i] = phase_.sources[i].batch_shape(rows);
    session_.bind(phase_.executable->bind(shapes_));
    for (size_t i = 0; i < shapes_.size(); ++i) {
      const TensorSpec& spec = session_.program().inputs()[i];
      if (!batches_[i].defined() || batches_[i].bytes() < spec.bytes()) {
        batches_[i] = Tensor::empty(spec.dtype, spec.shape);
      }
    }
    if (results_.empty()) {
      for (const TensorSpec& spec : session_.program().outputs()) {
        if (spec.count() != 1) {
          throw ValueError(phase_.executable->name() + ": expected scalar logs. Received shape " +
                           shape_str(spec.shape) + ".");
        }
        results_.push_back(Tensor::zeros(spec.dtype, {}));
      }
      for (size_t i = 0; i < results_.size(); ++i)
        session_.set_output(i, results_[i].mutable_data());
    }
    bound_rows_ = rows;
  }

  const Phase& phase_;
  Session session_;
  std::vector<Gather> gathers_;
  std::vector<Tensor> batches_, results_;
  std::vector<std::vector<int64_t>> shapes_;
  int64_t bound_rows_ = -1;
  uint32_t status_ = 0;
  int64_t offender_ = 0;
  KernelContext context_;
};

// Progress and signals, by the clock.
class Ticker {
 public:
  explicit Ticker(Listener& listener) : listener_(listener) {}

  // Before a step, so that an epoch whose last step is done is never left out.
  void signals() {
    const auto now = Clock::now();
    if (std::chrono::duration<double>(now - signal_).count() <= kSignalInterval) return;
    signal_ = now;
    if (listener_.interrupted()) throw Interrupted("interrupted");
  }

  void progress(int64_t step, int64_t steps, const Feeder& feeder, Logs& logs) {
    if (!listener_.wants_progress) return;
    const auto now = Clock::now();
    if (std::chrono::duration<double>(now - progress_).count() < listener_.progress_interval)
      return;
    progress_ = now;
    feeder.read_logs(logs);
    listener_.progress(step, steps, logs);
  }

 private:
  Listener& listener_;
  Clock::time_point signal_ = Clock::now(), progress_ = {};
};

// Draws the batches of a phase: one order per pass over the data. An epoch of fewer steps than
// there are batches is followed by one that goes on from there, to the end of the data at most.
class Order {
 public:
  Order(const Phase& phase, Shuffle shuffle, NumpyGenerator& generator, Listener& listener)
      : phase_(phase), shuffle_(shuffle), generator_(generator), listener_(listener) {
    if (shuffle != Shuffle::None) indices_.resize(phase.samples());
  }

  Batch next() {
    if (seen_ == 0 && shuffle_ == Shuffle::Global) draw(0, phase_.samples());
    const int64_t first = seen_ * phase_.batch_size;
    const Batch batch = {shuffle_ == Shuffle::None ? nullptr : indices_.data() + first, first,
                         std::min(phase_.batch_size, phase_.samples() - first)};
    if (shuffle_ == Shuffle::Batch) draw(batch.first, batch.rows);
    if (++seen_ == phase_.batches()) seen_ = 0;
    return batch;
  }

  // Batches of this pass that are still to come.
  int64_t left() const { return phase_.batches() - seen_; }

 private:
  void draw(int64_t first, int64_t count) {
    // Python may draw from the same generator between epochs or batches.
    const bool shared = listener_.wants_epochs || listener_.wants_batches;
    if (shared) listener_.load_generator(generator_);
    generator_.permutation(first, count, indices_.data() + first);
    if (shared) listener_.store_generator(generator_);
  }

  const Phase& phase_;
  Shuffle shuffle_;
  NumpyGenerator& generator_;
  Listener& listener_;
  std::vector<int64_t> indices_;
  int64_t seen_ = 0;
};

void reset(const Phase& phase) {
  for (const VariablePtr& variable : phase.reset) variable->assign_zeros();
}

void require_data(const Phase& phase) {
  if (phase.batch_size <= 0) {
    throw ValueError("batch_size: expected a positive integer. Received " +
                     std::to_string(phase.batch_size) + ".");
  }
  if (phase.samples() == 0) throw ValueError("Expected at least one sample. Received none.");
}

Logs validate(const Phase& phase, Feeder& feeder, Ticker& ticker, Listener& listener) {
  reset(phase);
  Logs logs(feeder.num_logs());
  if (listener.wants_validation) listener.validation_begin();
  const int64_t steps = std::min(phase.steps_per_epoch(), phase.batches());
  for (int64_t step = 0; step < steps; ++step) {
    ticker.signals();
    if (listener.wants_validation_batches) listener.validation_batch_begin(step);
    const int64_t first = step * phase.batch_size;
    feeder.run({nullptr, first, std::min(phase.batch_size, phase.samples() - first)});
    if (listener.wants_validation_batches) {
      feeder.read_logs(logs);
      listener.validation_batch_end(step, logs);
    }
    ticker.progress(step + 1, steps, feeder, logs);
  }
  feeder.read_logs(logs);
  if (listener.wants_validation) listener.validation_end(logs);
  return logs;
}

// A listener that only answers signals, so that validation shows no progress of its own.
class Quiet : public Listener {
 public:
  explicit Quiet(Listener& inner) : inner_(inner) {}
  bool interrupted() override { return inner_.interrupted(); }

 private:
  Listener& inner_;
};

bool validates(const FitOptions& options, int64_t epoch) {
  if (options.validation_epochs.empty()) {
    return (epoch + 1) % std::max<int64_t>(options.validation_every, 1) == 0;
  }
  const auto& list = options.validation_epochs;
  return std::find(list.begin(), list.end(), epoch) != list.end();
}

// One epoch; true when a batch hook asked to stop.
bool train_epoch(const Phase& phase, Feeder& feeder, Order& order, Ticker& ticker,
                 Listener& listener, int64_t epoch, bool& seen_nonfinite, Logs& logs) {
  const int64_t steps = std::min(phase.steps_per_epoch(), order.left());
  bool stop = false;
  for (int64_t step = 0; step < steps && !stop; ++step) {
    ticker.signals();
    if (listener.wants_batches) listener.batch_begin(step);
    feeder.run(order.next());
    if (phase.loss_output >= 0 && !seen_nonfinite &&
        !std::isfinite(feeder.log(static_cast<size_t>(phase.loss_output)))) {
      seen_nonfinite = true;
      listener.nonfinite(epoch, step);
    }
    if (listener.wants_batches) {
      feeder.read_logs(logs);
      stop = listener.batch_end(step, logs);
    }
    ticker.progress(step + 1, steps, feeder, logs);
  }
  feeder.read_logs(logs);
  return stop;
}

}  // namespace

void run_epochs(const Phase& train, const Phase* validation, const FitOptions& options,
                Listener& listener, FitResult& result) {
  require_data(train);
  if (validation) require_data(*validation);
  NumpyGenerator generator;
  if (options.shuffle != Shuffle::None) listener.load_generator(generator);
  Feeder feeder(train, listener);
  std::optional<Feeder> validation_feeder;
  if (validation) validation_feeder.emplace(*validation, listener);
  Order order(train, options.shuffle, generator, listener);
  Ticker ticker(listener);
  Quiet quiet(listener);
  Ticker quiet_ticker(quiet);
  Logs logs(feeder.num_logs());
  const bool shared = listener.wants_epochs || listener.wants_batches;
  bool seen_nonfinite = false, stop = false;
  for (int64_t epoch = options.initial_epoch; epoch < options.epochs && !stop; ++epoch) {
    if (listener.wants_epochs) listener.epoch_begin(epoch);
    reset(train);
    stop = train_epoch(train, feeder, order, ticker, listener, epoch, seen_nonfinite, logs);
    const bool validated = validation && validates(options, epoch);
    if (validated) {
      result.validation_logs.push_back(
          validate(*validation, *validation_feeder, quiet_ticker, listener));
      result.validation_epochs.push_back(epoch);
    }
    result.logs.push_back(logs);
    if (listener.wants_epochs) {
      stop =
          listener.epoch_end(epoch, logs, validated ? &result.validation_logs.back() : nullptr) ||
          stop;
    }
  }
  if (options.shuffle != Shuffle::None && !shared) listener.store_generator(generator);
}

Logs run_phase(const Phase& phase, Listener& listener) {
  require_data(phase);
  Feeder feeder(phase, listener);
  Ticker ticker(listener);
  return validate(phase, feeder, ticker, listener);
}

}  // namespace nacre
