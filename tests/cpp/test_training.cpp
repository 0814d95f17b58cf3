// The epoch loop and what feeds it: batches of any dtype and stride, NumPy's shuffling, hooks,
// interrupts.

#include <algorithm>
#include <cstring>
#include <numeric>

#include "core/error.h"
#include "graph_case.h"
#include "parallel/thread_pool.h"
#include "training/epoch_loop.h"

namespace nacre {
namespace {

using namespace check;  // NOLINT: a test's vocabulary

ArraySource source_of(const Tensor& tensor) {
  ArraySource source{static_cast<const char*>(tensor.data()), tensor.dtype(), tensor.shape(), {}};
  int64_t stride = static_cast<int64_t>(dtype_size(tensor.dtype()));
  source.strides.resize(tensor.shape().size());
  for (size_t i = tensor.shape().size(); i-- > 0;) {
    source.strides[i] = stride;
    stride *= tensor.shape()[i];
  }
  return source;
}

Values gathered(const ArraySource& source, DType dtype, const std::vector<int64_t>* order,
                int64_t first, int64_t rows) {
  uint32_t status = 0;
  int64_t offender = 0;
  const Gather gather(source, dtype);
  Tensor batch = Tensor::zeros(dtype, source.batch_shape(rows));
  gather.rows(order ? order->data() : nullptr, first, rows, batch.mutable_data(),
              make_context(&status, &offender, nullptr));
  return values_of(batch);
}

// ---- gather ----

TEST(gather_converts_every_pair_of_dtypes) {
  const DType dtypes[] = {DType::Bool,  DType::UInt8,   DType::Int8,   DType::UInt16,
                          DType::Int16, DType::UInt32,  DType::Int32,  DType::UInt64,
                          DType::Int64, DType::Float32, DType::Float64};
  const std::vector<int64_t> order = {3, 0, 2};
  for (DType from : dtypes) {
    const Values numbers = {0, 1, 1, 0, 0, 0, 1, 1};
    const Tensor data = make(from, {4, 2}, numbers);
    for (DType to : dtypes) {
      check_values(gathered(source_of(data), to, &order, 0, 3), {1, 1, 0, 1, 0, 0}, 0, "shuffled");
      check_values(gathered(source_of(data), to, nullptr, 1, 2), {1, 0, 0, 0}, 0, "in order");
    }
  }
  check_values(gathered(source_of(tensor64({3}, {-1.9, 300.25, 7})), DType::Float32, nullptr, 0, 3),
               {-1.9f, 300.25f, 7}, 0, "rank 1");
  check_values(
      gathered(source_of(make(DType::UInt8, {2, 1}, {255, 128})), DType::Float32, nullptr, 0, 2),
      {255, 128}, 0, "pixels");
}

// Random shapes and strides, negative and zero among them, against plain indexing.
TEST(gather_follows_any_strides) {
  Random random(9);
  for (int round = 0; round < 300; ++round) {
    const size_t rank = static_cast<size_t>(random.integer(1, 4));
    const DType from = random.integer(0, 1) ? DType::Float32 : DType::Int16;
    const DType to = random.integer(0, 1) ? DType::Float32 : DType::Float64;
    const int64_t size = static_cast<int64_t>(dtype_size(from));
    ArraySource source{nullptr, from, {}, {}};
    int64_t low = 0, high = 0;
    for (size_t i = 0; i < rank; ++i) {
      source.shape.push_back(random.integer(i == 0 ? 1 : 0, 4));
      source.strides.push_back(random.integer(-9, 9) * size);
      if (source.shape.back() == 0) continue;
      (source.strides.back() < 0 ? low : high) += (source.shape.back() - 1) * source.strides.back();
    }
    // At an odd address: NumPy's arrays may start anywhere.
    std::vector<char> memory(static_cast<size_t>(high - low + size + 1));
    char* base = memory.data() + 1 - low;
    Values numbers;
    for (int64_t at = low; at <= high; at += size) {
      numbers.push_back(static_cast<double>((at - low) / size % 1000));
      const Tensor element = make(from, {}, {numbers.back()});
      std::memcpy(base + at, element.data(), static_cast<size_t>(size));
    }
    source.data = base;
    std::vector<int64_t> order(static_cast<size_t>(random.integer(1, 5)));
    for (int64_t& row : order) row = random.integer(0, source.shape[0] - 1);
    int64_t row_count = 1;
    for (size_t i = 1; i < rank; ++i) row_count *= source.shape[i];
    Values expected;
    for (int64_t row : order) {
      for (int64_t i = 0; i < row_count; ++i) {
        int64_t at = row * source.strides[0], rest = i;
        for (size_t axis = rank; axis-- > 1;) {
          at += rest % source.shape[axis] * source.strides[axis];
          rest /= source.shape[axis];
        }
        expected.push_back(numbers[static_cast<size_t>((at - low) / size)]);
      }
    }
    check_values(gathered(source, to, &order, 0, static_cast<int64_t>(order.size())), expected, 0,
                 "strided");
  }
}

TEST(gather_takes_large_batches_in_parallel) {
  const int64_t rows = 3000, columns = 200;
  const Tensor data = random_tensor(DType::Float32, {rows, columns}, 1);
  std::vector<int64_t> order(rows);
  for (int64_t i = 0; i < rows; ++i) order[static_cast<size_t>(i)] = (i * 7) % rows;
  const Values found = gathered(source_of(data), DType::Float64, &order, 0, rows);
  int64_t wrong = 0;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      wrong += found[static_cast<size_t>(i * columns + j)] !=
               data.data_as<float>()[order[static_cast<size_t>(i)] * columns + j];
    }
  }
  CHECK_EQ(wrong, int64_t{0});
}

TEST(batches_are_used_where_they_lie_only_when_they_can) {
  const Tensor data = random_tensor(DType::Float32, {4, 3}, 1);
  ArraySource source = source_of(data);
  CHECK(Gather(source, DType::Float32).in_place(2) == data.data_as<float>() + 6);
  CHECK(Gather(source, DType::Float64).in_place(0) == nullptr);
  ArraySource shifted = source;
  shifted.data += 1;  // not aligned
  CHECK(Gather(shifted, DType::Float32).in_place(0) == nullptr);
  ArraySource backwards = source;
  backwards.strides[0] = -12;
  CHECK(Gather(backwards, DType::Float32).in_place(0) == nullptr);
  ArraySource turned = source;
  turned.strides = {4, 16};
  CHECK(Gather(turned, DType::Float32).in_place(0) == nullptr);
}

// ---- the epoch loop ----

// Counts its samples and their sum, one step a batch.
struct Counting {
  VariablePtr count = variable(make(DType::Int64, {}, {0}), "count");
  VariablePtr total = variable(tensor64({}, {0}), "total");
  Tensor data;
  Phase phase;

  Counting(int64_t samples, int64_t batch_size)
      : data(Tensor::empty(DType::Float64, {samples, 1})) {
    for (int64_t i = 0; i < samples; ++i)
      data.mutable_data_as<double>()[i] = static_cast<double>(i + 1);
    GraphPtr g = new_graph();
    const Value x = g->input(f64({Dim::symbol("batch"), 1}), "x");
    g->assign(count, g->op("add", {g->read(count), g->constant(1.0, DType::Int64)}));
    g->assign(total, g->op("add", {g->read(total), sum_all(*g, x)}));
    g->outputs = {g->read(total), g->read(count)};
    phase.executable = std::make_shared<Executable>(*g, find_backend("cpu"), "count_step");
    phase.sources = {source_of(data)};
    phase.batch_size = batch_size;
  }
};

struct Recorder : Listener {
  std::string text;
  int64_t stop_at_batch = -1, stop_after_epoch = -1, interrupt_at = -1, asked = 0;
  void epoch_begin(int64_t epoch) override { text += "E" + std::to_string(epoch); }
  bool epoch_end(int64_t epoch, const Logs& logs, const Logs* validation) override {
    text += "e" + std::to_string(static_cast<int64_t>(logs[0])) +
            (validation ? "v" + std::to_string(static_cast<int64_t>((*validation)[0])) : "") + " ";
    return epoch == stop_after_epoch;
  }
  void batch_begin(int64_t step) override { text += "B" + std::to_string(step); }
  bool batch_end(int64_t step, const Logs& logs) override {
    text += "b" + std::to_string(static_cast<int64_t>(logs[0]));
    return step == stop_at_batch;
  }
  void validation_begin() override { text += "V"; }
  void validation_end(const Logs&) override { text += "/V"; }
  void nonfinite(int64_t epoch, int64_t step) override {
    text += "!" + std::to_string(epoch) + ":" + std::to_string(step);
  }
  bool interrupted() override { return interrupt_at >= 0 && asked++ >= interrupt_at; }
};

TEST(epochs_batches_and_their_hooks) {
  Counting train(5, 2), validation(3, 2);
  train.phase.reset = {train.total};
  validation.phase.reset = {validation.total};
  Recorder recorder;
  recorder.wants_epochs = recorder.wants_batches = recorder.wants_validation = true;
  FitOptions options;
  options.epochs = 2;
  options.validation_every = 2;
  FitResult result;
  run_epochs(train.phase, &validation.phase, options, recorder, result);
  CHECK_EQ(recorder.text, std::string("E0B0b3B1b10B2b15e15 E1B0b3B1b10B2b15V/Ve15v6 "));
  CHECK_EQ(result.logs.size(), size_t{2});
  CHECK_EQ(result.validation_logs.size(), size_t{1});
  CHECK_EQ(result.validation_epochs[0], int64_t{1});
  CHECK_EQ(train.count->snapshot().item_as_double(), 6.0);

  Recorder silent;  // nobody listens: nothing is called
  options.initial_epoch = 1;
  options.validation_epochs = {0};
  run_epochs(train.phase, &validation.phase, options, silent, result);
  CHECK_EQ(silent.text, std::string());
  CHECK_EQ(result.logs.size(), size_t{3});
  CHECK_EQ(result.validation_logs.size(), size_t{1});
}

TEST(stopping_early) {
  Counting train(5, 2);
  Recorder recorder;
  recorder.wants_epochs = recorder.wants_batches = true;
  recorder.stop_at_batch = 1;
  FitOptions options;
  options.epochs = 4;
  FitResult result;
  run_epochs(train.phase, nullptr, options, recorder, result);
  CHECK_EQ(recorder.text, std::string("E0B0b3B1b10e10 "));
  recorder = {};
  recorder.wants_epochs = true;
  recorder.stop_after_epoch = 1;
  run_epochs(train.phase, nullptr, options, recorder, result);
  CHECK_EQ(train.count->snapshot().item_as_double(), 2.0 + 6.0);
}

TEST(an_interrupt_keeps_whole_steps_and_finished_epochs) {
  Counting train(40, 1);
  Recorder recorder;
  recorder.wants_epochs = true;
  recorder.interrupt_at = 1;
  FitOptions options;
  options.epochs = 1 << 30;
  FitResult result;
  CHECK_THROWS(Interrupted, "", run_epochs(train.phase, nullptr, options, recorder, result));
  const double count = train.count->snapshot().item_as_double();
  CHECK(count > 0);
  CHECK_EQ(result.logs.size(), static_cast<size_t>(count / 40));
  // The sum belongs to just as many steps as were counted.
  const int64_t steps = static_cast<int64_t>(count), rest = steps % 40;
  CHECK_EQ(train.total->snapshot().item_as_double(),
           static_cast<double>(steps / 40 * 820 + rest * (rest + 1) / 2));
}

TEST(shuffled_epochs_see_every_sample_once) {
  for (const Shuffle shuffle : {Shuffle::Global, Shuffle::Batch}) {
    Counting train(103, 10);
    train.phase.reset = {train.total};
    Recorder recorder;
    FitOptions options;
    options.epochs = 3;
    options.shuffle = shuffle;
    FitResult result;
    run_epochs(train.phase, nullptr, options, recorder, result);
    for (const Logs& logs : result.logs) CHECK_EQ(logs[0], 103.0 * 104 / 2);
  }
}

TEST(fewer_steps_than_batches_go_on_where_they_stopped_to_the_end_of_the_data) {
  Counting train(6, 2);
  train.phase.steps = 2;
  Recorder recorder;
  recorder.wants_batches = true;
  train.phase.reset = {train.total};
  FitOptions options;
  options.epochs = 3;
  FitResult result;
  run_epochs(train.phase, nullptr, options, recorder, result);
  CHECK_EQ(recorder.text, std::string("B0b3B1b10B0b11B0b3B1b10"));
}

TEST(a_loss_that_is_not_finite_is_noticed_once) {
  Counting train(4, 1);
  train.data.mutable_data_as<double>()[2] = std::nan("");
  train.phase.loss_output = 0;
  Recorder recorder;
  FitOptions options;
  options.epochs = 2;
  FitResult result;
  run_epochs(train.phase, nullptr, options, recorder, result);
  CHECK_EQ(recorder.text, std::string("!0:2"));
}

TEST(data_that_cannot_be_fed) {
  Counting none(0, 2), wrong(4, 2);
  Recorder recorder;
  FitResult result;
  CHECK_THROWS(ValueError, "at least one sample",
               run_epochs(none.phase, nullptr, {}, recorder, result));
  wrong.phase.batch_size = 0;
  CHECK_THROWS(ValueError, "batch_size", run_epochs(wrong.phase, nullptr, {}, recorder, result));
  wrong.phase.batch_size = -1;
  CHECK_THROWS(ValueError, "batch_size", run_phase(wrong.phase, recorder));
  wrong.phase.batch_size = 2;
  wrong.phase.sources.push_back(wrong.phase.sources[0]);
  CHECK_THROWS(ValueError, "expected 1 arrays", run_phase(wrong.phase, recorder));
  CHECK_EQ(wrong.count->snapshot().item_as_double(), 0.0);
}

// ---- NumPy's generator ----

TEST(mersenne_twister_draws_its_known_numbers) {
  // Matsumoto and Nishimura's initialisation with 5489, whose ten thousandth number is well known.
  NumpyGenerator generator;
  generator.key[0] = 5489;
  for (uint32_t i = 1; i < 624; ++i) {
    generator.key[i] = 1812433253u * (generator.key[i - 1] ^ (generator.key[i - 1] >> 30)) + i;
  }
  generator.position = 624;
  uint32_t last = 0;
  for (int i = 0; i < 10000; ++i) last = generator.next();
  CHECK_EQ(last, uint32_t{4123659995u});
  for (uint64_t limit : {uint64_t{0}, uint64_t{1}, uint64_t{9}, uint64_t{1} << 40}) {
    for (int i = 0; i < 100; ++i) CHECK(generator.interval(limit) <= limit);
  }
  std::vector<int64_t> order(1000);
  generator.permutation(5, 1000, order.data());
  std::vector<int64_t> sorted = order, expected(1000);
  std::sort(sorted.begin(), sorted.end());
  std::iota(expected.begin(), expected.end(), 5);
  CHECK(sorted == expected);
  CHECK(order != expected);
}

}  // namespace
}  // namespace nacre
