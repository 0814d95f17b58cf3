#include "kernels/backend.h"

#include <mutex>
#include <unordered_map>

#include "core/error.h"
#include "kernels/cpu/backend.h"
#include "kernels/reference/reference.h"

namespace nacre {
namespace {

struct Registered {
  const BackendTable* table;
  std::unordered_map<std::string_view, const OpEntry*> entries;
};

class Registry {
 public:
  static Registry& instance() {
    static Registry registry;
    return registry;
  }

  void add(const BackendTable& backend) {
    if (backend.version != BackendTable::kVersion) {
      throw InternalError(std::string("backend ") + backend.name + " was built for version " +
                          std::to_string(backend.version) + " of the table");
    }
    Registered item{&backend, {}};
    for (const OpEntry& entry : backend.entries()) item.entries[entry.op] = &entry;
    std::lock_guard guard(mutex_);
    items_.push_back(std::make_unique<Registered>(std::move(item)));
  }

  const Registered* find(std::string_view name) {
    std::lock_guard guard(mutex_);
    for (const auto& item : items_) {
      if (item->table->name == name) return item.get();
    }
    return nullptr;
  }

  std::string names() {
    std::lock_guard guard(mutex_);
    std::string text;
    for (const auto& item : items_)
      text += (text.empty() ? "" : ", ") + std::string(item->table->name);
    return text;
  }

 private:
  Registry() {
    for (const BackendTable* table : {&cpu::cpu_backend(), &reference_backend()}) add(*table);
  }
  std::mutex mutex_;
  std::vector<std::unique_ptr<Registered>> items_;
};

}  // namespace

void register_backend(const BackendTable& backend) { Registry::instance().add(backend); }

const BackendTable& find_backend(std::string_view name) {
  if (const Registered* item = Registry::instance().find(name)) return *item->table;
  throw ValueError("Unknown backend \"" + std::string(name) + "\". Expected one of " +
                   Registry::instance().names() + ".");
}

const OpEntry* find_entry(const BackendTable& backend, std::string_view op) {
  const Registered* item = Registry::instance().find(backend.name);
  if (!item) return nullptr;
  auto it = item->entries.find(op);
  return it == item->entries.end() ? nullptr : it->second;
}

}  // namespace nacre
