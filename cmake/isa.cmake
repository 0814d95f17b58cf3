# Instruction sets: one row each, name -> compiler flags. A row becomes an object library in which
# every file of cpp/kernels/cpu/isa is compiled with these flags inside its own namespace. Order is
# preference, weakest first; cpp/kernels/cpu/isa.cpp picks the last one that the machine can run.

if(APPLE AND CMAKE_OSX_ARCHITECTURES)
  set(NACRE_PROCESSOR "${CMAKE_OSX_ARCHITECTURES}")
else()
  set(NACRE_PROCESSOR "${CMAKE_SYSTEM_PROCESSOR}")
endif()

if(NACRE_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(NACRE_ISA_TABLE baseline avx2 avx512)
  set(NACRE_ISA_FLAGS_baseline -march=x86-64-v2)
  set(NACRE_ISA_FLAGS_avx2 -march=x86-64-v2 -mavx2 -mfma -mbmi -mbmi2 -mf16c)
  set(NACRE_ISA_FLAGS_avx512 ${NACRE_ISA_FLAGS_avx2} -mavx512f -mavx512bw -mavx512dq -mavx512vl
                             -mprefer-vector-width=512)
elseif(NACRE_PROCESSOR MATCHES "^(aarch64|arm64)$")
  set(NACRE_ISA_TABLE baseline)
  set(NACRE_ISA_FLAGS_baseline "")
else()
  message(FATAL_ERROR "Nacre builds for x86-64 and AArch64. Received: ${NACRE_PROCESSOR}")
endif()

set(NACRE_ISAS "${NACRE_ISA_TABLE}" CACHE STRING "Instruction sets to build (always baseline)")
foreach(isa IN LISTS NACRE_ISAS)
  if(NOT isa IN_LIST NACRE_ISA_TABLE)
    message(FATAL_ERROR "NACRE_ISAS: expected some of ${NACRE_ISA_TABLE}. Received: ${isa}")
  endif()
endforeach()
if(NOT "baseline" IN_LIST NACRE_ISAS)
  message(FATAL_ERROR "NACRE_ISAS must contain baseline. Received: ${NACRE_ISAS}")
endif()

# Optimised whatever the build type: kernels at -O0 are of no use even to a debugger session.
# Less so under sanitizers, whose checks on unrolled tiles take the compiler minutes otherwise.
# No link-time optimisation: it could let one instruction set's code serve another.
if(NACRE_SANITIZE)
  set(NACRE_ISA_OPTIMISATION -O1)
else()
  set(NACRE_ISA_OPTIMISATION -O3)
endif()
set(NACRE_ISA_COMMON_FLAGS ${NACRE_ISA_OPTIMISATION} -fno-math-errno -fno-trapping-math
                           -ffp-contract=fast -fno-exceptions -fno-rtti -fno-lto -fno-asynchronous-unwind-tables)

file(GLOB NACRE_ISA_SOURCES CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/cpp/kernels/cpu/isa/*.cpp")

set(NACRE_ISA_TARGETS "")
foreach(isa IN LISTS NACRE_ISAS)
  # isa.cpp asks which namespaces exist.
  string(TOUPPER "${isa}" upper)
  list(APPEND NACRE_ISA_DEFINITIONS "NACRE_HAVE_ISA_${upper}=1")
  if(NACRE_ISA_SOURCES)
    add_library(nacre_isa_${isa} OBJECT ${NACRE_ISA_SOURCES})
    target_include_directories(nacre_isa_${isa} PRIVATE "${PROJECT_SOURCE_DIR}/cpp")
    target_compile_definitions(nacre_isa_${isa} PRIVATE "NACRE_ISA_NAME=${isa}")
    target_compile_options(nacre_isa_${isa} PRIVATE ${NACRE_ISA_COMMON_FLAGS}
                                                    ${NACRE_ISA_FLAGS_${isa}})
    target_link_libraries(nacre_isa_${isa} PRIVATE nacre_flags)
    list(APPEND NACRE_ISA_TARGETS nacre_isa_${isa})
  endif()
endforeach()
