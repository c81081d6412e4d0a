# What both stand-ins do with their options: fail on one that is missing or unknown, record them.

# What comes by -D has no type yet; a project's own option() gives it one.
function(require)
  foreach(name ${ARGN})
    if(NOT DEFINED CACHE{${name}})
      message(FATAL_ERROR "the option ${name} is missing")
    endif()
    set_property(CACHE ${name} PROPERTY TYPE STRING)
    file(APPEND ${CMAKE_BINARY_DIR}/options "${name}=${${name}}\n")
  endforeach()
endfunction()

function(refuse_unknown)
  get_cmake_property(names CACHE_VARIABLES)
  foreach(name ${names})
    get_property(type CACHE ${name} PROPERTY TYPE)
    if(type STREQUAL "UNINITIALIZED" AND NOT name STREQUAL "CMAKE_BUILD_TYPE")
      message(FATAL_ERROR "there is no option ${name}")
    endif()
  endforeach()
endfunction()

function(check_architectures binary virtual)
  if(NOT "${binary}" MATCHES "^[0-9]+( [0-9]+)*$" OR NOT "${virtual}" MATCHES "^[0-9]+$")
    message(FATAL_ERROR "no architectures: '${binary}', as PTX '${virtual}'")
  endif()
endfunction()
