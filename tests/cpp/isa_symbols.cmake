# Fails when an object file compiled for one instruction set exports a weak or unique symbol: the
# linker keeps one copy of those for the whole program, perhaps one that other machines cannot run.
# Names that hold the instruction set's own namespace exist once anyway.
# Arguments: NM, OBJECTS (a text file listing the object files).

set(allowed "nacre::cpu::(baseline|avx2|avx512)::")

file(READ "${OBJECTS}" objects)
string(REPLACE "\n" ";" objects "${objects}")
list(REMOVE_ITEM objects "")
list(LENGTH objects count)
if(count EQUAL 0)
  message(FATAL_ERROR "no object files in ${OBJECTS}")
endif()
set(bad "")
foreach(object IN LISTS objects)
  execute_process(COMMAND "${NM}" -C "${object}" OUTPUT_VARIABLE symbols RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "cannot read the symbols of ${object}")
  endif()
  string(REGEX MATCHALL "[0-9a-fA-F]+ [WVu] [^\n]*" found "${symbols}")
  foreach(line IN LISTS found)
    string(REGEX REPLACE "^[0-9a-fA-F]+ [WVu] " "" name "${line}")
    if(NOT name MATCHES "${allowed}")
      get_filename_component(file "${object}" NAME)
      string(APPEND bad "\n  ${name} (${file})")
    endif()
  endforeach()
  # Constructors that run at load would execute this instruction set on any machine.
  string(REGEX MATCHALL "[^\n]*_GLOBAL__sub_I[^\n]*" initialisers "${symbols}")
  foreach(line IN LISTS initialisers)
    string(APPEND bad "\n  static initialiser: ${line} (${object})")
  endforeach()
endforeach()
if(bad)
  message(FATAL_ERROR "weak symbols or initialisers in per-ISA objects:${bad}")
endif()
