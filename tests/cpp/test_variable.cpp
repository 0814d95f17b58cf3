// Variables, their lock, and executables shared by threads.

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include "core/error.h"
#include "graph/regions.h"
#include "graph_case.h"

namespace nacre {
namespace {

using namespace check;  // NOLINT: a test's vocabulary

TEST(values_are_copied_in_and_out) {
  Tensor value = tensor32({2}, {1, 2});
  const int64_t before = variable_bytes();
  {
    const VariablePtr v = variable(value, "weights");
    CHECK_EQ(variable_bytes(), before + 8);
    value.mutable_data_as<float>()[0] = 50;
    check_values(values_of(v->snapshot()), {1, 2}, 0, "a copy");
    const Tensor old = v->snapshot();
    const uint64_t version = v->version();
    v->assign(tensor32({2}, {3, 4}));
    CHECK(v->version() > version);
    check_values(values_of(old), {1, 2}, 0, "a snapshot stays");
    check_values(values_of(v->snapshot()), {3, 4}, 0, "assigned");
    CHECK_THROWS(ValueError, "\"weights\"", v->assign(tensor32({3}, {1, 2, 3})));
    CHECK_THROWS(ValueError, "float64", v->assign(tensor64({2}, {1, 2})));
    v->assign_zeros();
    check_values(values_of(v->snapshot()), {0, 0}, 0, "zeros");
    CHECK(v->version() > version + 1);
  }
  CHECK_EQ(variable_bytes(), before);
}

TEST(empty_variables) {
  for (const char* backend : {"cpu", "reference"}) {
    const VariablePtr v = variable(tensor32({0, 3}, {}), "empty");
    GraphPtr g = new_graph();
    g->assign(v, times(*g, g->read(v), 2));
    g->outputs = {sum_all(*g, g->read(v))};
    check_values(run_values(*g, backend, {}), {0}, 0, backend);
    v->assign_zeros();
  }
}

TEST(variables_move_between_backends) {
  const VariablePtr v = variable(tensor32({2}, {1, 2}));
  GraphPtr g = new_graph();
  g->assign(v, times(*g, g->read(v), 3));
  for (const char* backend : {"cpu", "reference", "reference", "cpu"}) {
    Executable(*g, find_backend(backend), "").run({});
  }
  check_values(values_of(v->snapshot()), {81, 162}, 0, "after four steps");
  const VariablePtr w = variable(tensor32({2}, {1, 2}));
  w->move_to(find_backend("reference"));
  check_values(values_of(w->snapshot()), {1, 2}, 0, "read where it is");
  w->assign(tensor32({2}, {5, 6}));
  w->move_to(find_backend("cpu"));
  check_values(values_of(w->snapshot()), {5, 6}, 0, "moved back");
  w->move_to(find_backend("reference"));
  w->assign_zeros();
  check_values(values_of(w->snapshot()), {0, 0}, 0, "zeros elsewhere");
}

// ---- the lock ----

TEST(one_writer_or_many_readers) {
  RwLock lock;
  std::atomic<int> readers{0}, writers{0}, most{0};
  std::atomic<bool> clash{false};
  int64_t plain = 0;  // guarded by the lock alone
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 3000; ++i) {
        if ((i + t) % 4 == 0) {
          std::lock_guard guard(lock);
          if (writers.fetch_add(1) != 0 || readers.load() != 0) clash = true;
          ++plain;
          writers.fetch_sub(1);
        } else {
          std::shared_lock guard(lock);
          const int now = readers.fetch_add(1) + 1;
          if (writers.load() != 0) clash = true;
          int before = most.load();
          while (now > before && !most.compare_exchange_weak(before, now)) {
          }
          if (plain < 0) clash = true;
          readers.fetch_sub(1);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(!clash);
  CHECK_EQ(plain, int64_t{8 * 750});
}

TEST(readers_share_and_do_not_starve_a_writer) {
  RwLock lock;
  std::atomic<bool> stop{false}, written{false};
  {
    std::shared_lock first(lock);
    std::thread([&] { std::shared_lock second(lock); }).join();  // gets in beside the first
  }
  std::vector<std::thread> readers;
  for (int t = 0; t < 4; ++t) {
    readers.emplace_back([&] {
      while (!stop) {
        std::shared_lock guard(lock);
        std::this_thread::sleep_for(std::chrono::microseconds(200));  // some reader is always in
      }
    });
  }
  std::thread writer([&] {
    std::lock_guard guard(lock);
    written = true;
  });
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!written && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  CHECK(written);
  stop = true;
  writer.join();
  for (std::thread& reader : readers) reader.join();
}

// ---- executables and threads ----

struct Model {
  VariablePtr w = variable(random_tensor(DType::Float32, {6, 5}, 1), "w");
  VariablePtr b = variable(tensor32({5}, Values(5, 0.0)), "b");
  std::unique_ptr<Executable> predict, train;

  explicit Model(const char* backend = "cpu") {
    const Dim batch = Dim::symbol("batch");
    GraphPtr g = new_graph();
    g->outputs = {forward(*g, g->input(f32({batch, 6}), "x"))};
    predict = std::make_unique<Executable>(*g, find_backend(backend), "predict");
    GraphPtr t = new_graph();
    const Value loss = sum_all(*t, t->op("square", {forward(*t, t->input(f32({batch, 6}), "x"))}));
    t->outputs = {loss};
    const GraphValues grads = gradients(*t, {loss}, {t->read(w), t->read(b)}, {});
    t->assign(w, t->op("sub", {t->read(w), times(*t, grads[0], 0.001)}));
    t->assign(b, t->op("sub", {t->read(b), times(*t, grads[1], 0.001)}));
    train = std::make_unique<Executable>(*t, find_backend(backend), "train");
  }
  Value forward(Graph& g, Value x) {
    return g.op("tanh", {g.op("add", {matmul(g, x, g.read(w)), g.read(b)})});
  }
};

TEST(sixteen_threads_predict_the_same_bits) {
  Model model;
  std::vector<Tensor> inputs, expected;
  for (int64_t rows : {1, 3, 8, 17, 40}) {
    inputs.push_back(random_tensor(DType::Float32, {rows, 6}, static_cast<uint64_t>(rows)));
    expected.push_back(model.predict->run({inputs.back()})[0]);
  }
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 60; ++i) {
        const size_t which = static_cast<size_t>(i + t) % inputs.size();
        const Tensor found = model.predict->run({inputs[which]})[0];
        if (std::memcmp(found.data(), expected[which].data(), found.bytes()) != 0) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(wrong.load(), 0);
}

// Both variables are written by one step, so a prediction must see both old or both new.
TEST(a_prediction_never_sees_half_a_step) {
  const VariablePtr a = variable(tensor32({4000}, Values(4000, 0.0)), "a");
  const VariablePtr b = variable(tensor32({4000}, Values(4000, 0.0)), "b");
  GraphPtr t = new_graph();
  const Value one = t->constant(1.0, DType::Float32);
  t->assign(a, t->op("add", {t->read(a), one}));
  t->assign(b, t->op("add", {t->read(b), one}));
  Executable train(*t, find_backend("cpu"), "train");
  GraphPtr p = new_graph();
  p->outputs = {sum_all(*p, p->op("abs", {p->op("sub", {p->read(a), p->read(b)})})),
                sum_all(*p, p->read(a))};
  Executable predict(*p, find_backend("cpu"), "predict");
  std::atomic<bool> stop{false};
  std::atomic<int> torn{0}, backwards{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      double last = 0;
      while (!stop) {
        const std::vector<Tensor> found = predict.run({});
        if (found[0].item_as_double() != 0) ++torn;
        if (found[1].item_as_double() < last) ++backwards;
        last = found[1].item_as_double();
      }
    });
  }
  for (int step = 0; step < 300; ++step) train.run({});
  stop = true;
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(torn.load(), 0);
  CHECK_EQ(backwards.load(), 0);
  CHECK_EQ(values_of(a->snapshot())[3999], 300.0);
}

TEST(training_predicting_reading_and_writing_at_once) {
  Model model;
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int64_t i = 0; !stop; ++i) {
        model.predict->run({Tensor::zeros(DType::Float32, {1 + (i + t) % 40, 6})});
      }
    });
  }
  threads.emplace_back([&] {
    while (!stop) model.b->assign(model.b->snapshot());
  });
  threads.emplace_back([&] {
    while (!stop) model.w->version();
  });
  const Tensor x = random_tensor(DType::Float32, {16, 6}, 5);
  for (int step = 0; step < 100; ++step) model.train->run({x});
  stop = true;
  for (std::thread& thread : threads) thread.join();
  for (double value : values_of(model.w->snapshot())) CHECK(std::isfinite(value));
}

// Two backends fight over the same Variables; every run finds them where it needs them.
TEST(backends_take_turns) {
  Model model;
  GraphPtr g = new_graph();
  g->outputs = {model.forward(*g, g->input(f32({2, 6}), "x"))};
  Executable oracle(*g, find_backend("reference"), "oracle");
  const Tensor x = random_tensor(DType::Float32, {2, 6}, 5);
  const Values expected = values_of(model.predict->run({x})[0]);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const Values found = values_of((t % 2 ? oracle : *model.predict).run({x})[0]);
        for (size_t j = 0; j < found.size(); ++j) wrong += std::fabs(found[j] - expected[j]) > 1e-5;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(wrong.load(), 0);
}

// A signal handler that Python calls in the middle of a step may look at the model: it sees the
// last whole step. It may not write what the step will write.
TEST(a_handler_in_the_middle_of_a_step_reads_the_old_values) {
  struct Handler {
    VariablePtr v;
    std::unique_ptr<Executable> read, write;
    Values seen;
    int refused = 0, calls = 0;
  } handler;
  handler.v = variable(tensor32({2}, {1, 2}), "weights");
  GraphPtr r = new_graph(), w = new_graph(), g = new_graph();
  r->outputs = {times(*r, r->read(handler.v), 10)};
  w->assign(handler.v, times(*w, w->read(handler.v), 7));
  handler.read = std::make_unique<Executable>(*r, find_backend("cpu"), "read");
  handler.write = std::make_unique<Executable>(*w, find_backend("cpu"), "write");
  trace_scan(*g, {}, {}, Dim(40), false, [&](Graph& region, const GraphValues&) -> GraphValues {
    region.assign(handler.v, times(region, region.read(handler.v), 1.01));
    return {};
  });
  Executable train(*g, find_backend("cpu"), "train");
  const auto ask = [](void* self) {
    auto& h = *static_cast<Handler*>(self);
    if (h.calls++ > 0) return false;
    h.seen = values_of(h.v->snapshot());
    for (double value : values_of(h.read->run({})[0])) h.seen.push_back(value);
    for (int i = 0; i < 2; ++i) {
      try {
        i ? h.v->assign(tensor32({2}, {0, 0})) : (void)h.write->run({});
      } catch (const ValueError& error) {
        h.refused += std::string(error.what()).find("middle of a step") != std::string::npos;
      }
    }
    return false;
  };
  train.run({}, ask, &handler);
  check_values(handler.seen, {1, 2, 10, 20}, 0, "seen");
  CHECK_EQ(handler.refused, 2);
  CHECK_NEAR(values_of(handler.v->snapshot())[0], std::pow(1.01, 40), 1e-5);
  handler.write->run({});  // nothing is held any more
}

// Forks while other threads are in the middle of steps: the child finds whole steps and no lock
// held.
TEST(a_fork_in_the_middle_of_training) {
  const VariablePtr a = variable(tensor32({30000}, Values(30000, 0.0)), "a");
  const VariablePtr b = variable(tensor32({30000}, Values(30000, 0.0)), "b");
  GraphPtr g = new_graph();
  const Value one = g->constant(1.0, DType::Float32);
  g->assign(a, g->op("add", {g->read(a), one}));
  g->assign(b, g->op("add", {g->read(b), one}));
  Executable train(*g, find_backend("cpu"), "train");
  Executable in_child(*g, find_backend("cpu"), "train");
  train.run({});
  in_child.run({});
  std::atomic<bool> stop{false};
  std::thread trainer([&] {
    while (!stop) train.run({});
  });
  for (int i = 0; i < 10; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);  // ends the child if it waits for a lock that nobody will give back
      const Values x = values_of(a->snapshot()), y = values_of(b->snapshot());
      in_child.run({});
      const Values next = values_of(a->snapshot());
      _exit(x == y && x.front() == x.back() && next.back() == x.back() + 1 ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
  }
  stop = true;
  trainer.join();
  check_values(values_of(a->snapshot()), values_of(b->snapshot()), 0, "the parent goes on");
}

}  // namespace
}  // namespace nacre
