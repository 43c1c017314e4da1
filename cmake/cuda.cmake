# The CUDA part of the library: whether it is built, for which devices, and what it is linked with.
#   SEGPREF_CUDA = AUTO  built where a CUDA compiler works (the default)
#                  ON    an error where none does
#                  OFF   never; the library refuses CUDA tensors
# Sets SEGPREF_WITH_CUDA. The presets of the sanitizers say OFF: there the everyday suite meets the library as it is without CUDA, and the modelled
# device of the tests brings sanitizers of its own.
set(SEGPREF_CUDA AUTO CACHE STRING "Build the CUDA back end: AUTO (where a CUDA compiler works), ON or OFF")
set_property(CACHE SEGPREF_CUDA PROPERTY STRINGS AUTO ON OFF)
string(TOUPPER "${SEGPREF_CUDA}" SEGPREF_CUDA_WANTED)
if(NOT SEGPREF_CUDA_WANTED MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "SEGPREF_CUDA = ${SEGPREF_CUDA} must be AUTO, ON or OFF")
endif()

# Real code for the newest of each generation that the compiler knows, and its last one as PTX for what comes later.
function(segpref_choose_cuda_architectures)
  execute_process(COMMAND "${CMAKE_CUDA_COMPILER}" --list-gpu-code OUTPUT_VARIABLE known ERROR_QUIET)
  set(chosen)
  foreach(architecture 80 90 100)
    if(known MATCHES "sm_${architecture}([^0-9a-z]|$)")
      list(APPEND chosen ${architecture}-real)
      set(newest ${architecture}-virtual)
    endif()
  endforeach()
  if(NOT chosen)
    message(FATAL_ERROR "${CMAKE_CUDA_COMPILER} knows none of sm_80, sm_90 and sm_100: CUDA 12 or newer is needed")
  endif()
  set(CMAKE_CUDA_ARCHITECTURES ${chosen} ${newest} CACHE STRING "Architectures of the CUDA code")
endfunction()

set(SEGPREF_WITH_CUDA FALSE)
if(NOT SEGPREF_CUDA_WANTED STREQUAL OFF)
  include(CheckLanguage)
  # CUDA's own folder is seldom in PATH.
  find_program(SEGPREF_NVCC nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin)
  mark_as_advanced(SEGPREF_NVCC)
  if(SEGPREF_NVCC AND NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
    set(ENV{CUDACXX} ${SEGPREF_NVCC})
  endif()
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    set(SEGPREF_WITH_CUDA TRUE)
  elseif(SEGPREF_CUDA_WANTED STREQUAL ON)
    message(FATAL_ERROR "SEGPREF_CUDA is ON and no CUDA compiler works here: name one in CMAKE_CUDA_COMPILER")
  endif()
endif()

if(SEGPREF_WITH_CUDA)
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    segpref_choose_cuda_architectures()
  endif()
  enable_language(CUDA)
  find_package(CUDAToolkit REQUIRED)
  set(CMAKE_CUDA_STANDARD 20)
  set(CMAKE_CUDA_STANDARD_REQUIRED ON)
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 knows C++20 of the host compilers only
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
  endif()
  message(STATUS "CUDA back end: ${CMAKE_CUDA_COMPILER_VERSION}, architectures ${CMAKE_CUDA_ARCHITECTURES}")
else()
  message(STATUS "CUDA back end: not built (SEGPREF_CUDA = ${SEGPREF_CUDA})")
endif()

# Host code that calls the CUDA runtime lies in folders named with_cuda; what stands in for it elsewhere, in folders named without_cuda.
function(segpref_filter_cuda_sources list_name)
  if(SEGPREF_WITH_CUDA)
    list(FILTER ${list_name} EXCLUDE REGEX "/without_cuda/")
  else()
    list(FILTER ${list_name} EXCLUDE REGEX "/with_cuda/")
  endif()
  set(${list_name} ${${list_name}} PARENT_SCOPE)
endfunction()

# Kernels are objects of their own beside the library's, so that tests can run the library's host code on a modelled device. Whoever links
# `objects` gets both, and the runtime. It is linked statically and looks for the driver when it is first called: the library needs neither
# driver nor toolkit where it runs. No contraction of a * b + c, as on the host.
function(segpref_add_cuda_kernels objects)
  if(NOT SEGPREF_WITH_CUDA)
    return()
  endif()
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/kernels/cuda/*.cu)
  add_library(segpref_cuda_kernels OBJECT ${sources})
  target_include_directories(segpref_cuda_kernels PRIVATE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR})
  target_compile_options(segpref_cuda_kernels PRIVATE --fmad=false -Xcompiler=-Wall,-Wextra,-ffp-contract=off
    --diag-suppress=554  # a conversion of the views that nvcc alone minds
    $<$<BOOL:${SEGPREF_WARNINGS_AS_ERRORS}>:--Werror=all-warnings>)
  set_target_properties(segpref_cuda_kernels PROPERTIES CUDA_RUNTIME_LIBRARY None CUDA_SEPARABLE_COMPILATION OFF CUDA_VISIBILITY_PRESET hidden)
  if(SEGPREF_BUILD_TESTS)  # registers, shared memory and spills of every kernel, printed and kept
    target_compile_options(segpref_cuda_kernels PRIVATE "SHELL:-Xptxas -v")
    set_target_properties(segpref_cuda_kernels PROPERTIES CUDA_COMPILER_LAUNCHER ${PROJECT_SOURCE_DIR}/cmake/keep_ptxas_report.sh)
  endif()
  target_sources(${objects} INTERFACE $<TARGET_OBJECTS:segpref_cuda_kernels>)

  string(REPLACE ";" ", " architectures "${CMAKE_CUDA_ARCHITECTURES}")
  target_compile_definitions(${objects} PUBLIC SEGPREF_WITH_CUDA PRIVATE SEGPREF_CUDA_ARCHITECTURES="${architectures}")
  target_link_libraries(${objects} PUBLIC CUDA::cudart_static)
endfunction()
