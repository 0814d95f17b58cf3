#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "graph/executable.h"
#include "training/gather.h"
#include "training/shuffle.h"

namespace nacre {

// One pass over data: an executable whose outputs are scalars (the logs), and what feeds it.
struct Phase {
  std::shared_ptr<Executable> executable;
  std::vector<ArraySource> sources;
  int64_t batch_size = 32;
  int64_t steps = 0;               // per epoch; 0: once over the data
  std::vector<VariablePtr> reset;  // set to zero before the pass
  int64_t loss_output = -1;        // watched for values that are not finite
  bool check_finite = false;       // stop at the first result that is not, before it is committed

  int64_t samples() const { return sources.empty() ? 0 : sources[0].samples(); }
  int64_t batches() const { return (samples() + batch_size - 1) / batch_size; }
  int64_t steps_per_epoch() const { return steps > 0 ? steps : batches(); }
};

using Logs = std::vector<double>;

// Who listens. The loop asks `wants_*` once and calls nothing that nobody wants.
class Listener {
 public:
  virtual ~Listener() = default;
  bool wants_epochs = false, wants_batches = false, wants_progress = false;
  bool wants_validation = false, wants_validation_batches = false;
  double progress_interval = 0.05;  // seconds

  virtual void epoch_begin(int64_t) {}
  virtual bool epoch_end(int64_t, const Logs&, const Logs*) { return false; }  // true: stop
  virtual void batch_begin(int64_t) {}
  virtual bool batch_end(int64_t, const Logs&) { return false; }  // true: stop
  virtual void progress(int64_t, int64_t, const Logs&) {}
  virtual void validation_begin() {}
  virtual void validation_end(const Logs&) {}
  virtual void validation_batch_begin(int64_t) {}
  virtual void validation_batch_end(int64_t, const Logs&) {}
  virtual void nonfinite(int64_t, int64_t) {}
  // Whether the user asked to stop (Ctrl-C); asked between kernels, cheap when asked often.
  virtual bool interrupted() { return false; }
  // The shuffling generator's state, before and after an epoch's draw.
  virtual void load_generator(NumpyGenerator&) {}
  virtual void store_generator(const NumpyGenerator&) {}
};

enum class Shuffle : uint8_t { None, Global, Batch };

struct FitResult {
  std::vector<Logs> logs, validation_logs;
  std::vector<int64_t> validation_epochs;
};

struct FitOptions {
  int64_t initial_epoch = 0, epochs = 1;
  Shuffle shuffle = Shuffle::None;
  std::vector<int64_t> validation_epochs;  // 0-based; empty: every `validation_every`
  int64_t validation_every = 1;
};

// Trains. `result` is filled as epochs end, so it holds what was done also when this throws.
void run_epochs(const Phase& train, const Phase* validation, const FitOptions& options,
                Listener& listener, FitResult& result);
// Runs a phase once, in order; the logs of its last step.
Logs run_phase(const Phase& phase, Listener& listener);

}  // namespace nacre
