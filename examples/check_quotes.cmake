# The documentation shows the examples as they are: cmake -DFOLDER=<repository> -P check_quotes.cmake
function(check_quoted example document)
  file(READ ${FOLDER}/${example} code)
  file(READ ${FOLDER}/${document} text)
  string(FIND "${code}" "#include" begin)  # what stands above is the example's own heading
  string(SUBSTRING "${code}" ${begin} -1 body)
  string(FIND "${text}" "${body}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "${document} does not quote ${example} as it is")
  endif()
endfunction()

check_quoted(examples/01_preference_loss.cpp README.md)
check_quoted(examples/06_c_preference_loss.c docs/c_abi.md)
