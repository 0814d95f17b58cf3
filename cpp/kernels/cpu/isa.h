#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernels/cpu/isa_tables.h"

namespace nacre::cpu {

// The instruction set in use: the best one that was built and that this machine can run, or the one
// named by NACRE_ISA. Throws ValueError when NACRE_ISA names one that is unknown or cannot run.
const IsaTable& active_isa();

// Uses another one from now on; kernels prepared before keep theirs. Throws as active_isa does.
void set_isa(std::string_view name);

// Those that this machine can run, weakest first.
std::vector<const IsaTable*> available_isas();

// Why a built instruction set cannot run here; empty when it can.
std::string isa_obstacle(std::string_view name);

}  // namespace nacre::cpu
