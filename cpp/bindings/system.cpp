#include "bindings/common.h"
#include "core/env.h"
#include "kernels/cpu/isa.h"
#include "parallel/thread_pool.h"

namespace nacre::bindings {

void bind_system(py::module_& m) {
  m.def("set_num_threads", [](int threads) {
    py::gil_scoped_release unlocked;
    ThreadPool::instance().set_threads(threads);
  });
  m.def("get_num_threads", [] { return ThreadPool::instance().threads(); });
  m.def("isa", [] { return std::string(cpu::active_isa().name); });
  m.def("set_isa", [](const std::string& name) {
    cpu::set_isa(name);
    forget_programs();
  });
  m.def("available_isas", [] {
    std::vector<std::string> names;
    for (const cpu::IsaTable* table : cpu::available_isas()) names.push_back(table->name);
    return names;
  });
  m.def("variable_bytes", &variable_bytes);
  m.def("env_variables", [] {
    py::dict result;
    for (const EnvVariable& variable : env_variables()) result[variable.name] = variable.meaning;
    return result;
  });
}

}  // namespace nacre::bindings
