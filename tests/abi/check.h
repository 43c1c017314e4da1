/* Checks that print what was wrong, and DLPack tensors over C arrays. A test's main ends in `return finish();`. */
#ifndef SEGPREF_TESTS_ABI_CHECK_H_
#define SEGPREF_TESTS_ABI_CHECK_H_

#include <math.h>
#include <segpref/segpref.h>
#include <stdio.h>
#include <string.h>

static int num_failures = 0;

#define CHECK(condition)                                                      \
  do {                                                                        \
    if (!(condition)) {                                                       \
      ++num_failures;                                                         \
      fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
    }                                                                         \
  } while (0)

#define CHECK_NEAR(actual, expected, bound) check_near(__FILE__, __LINE__, #actual, (double)(actual), (double)(expected), (double)(bound))
#define CHECK_OK(call) check_status(__FILE__, __LINE__, #call, (call), SEGPREF_OK, "")
/* The call fails with this status, and its sentence contains these words. */
#define CHECK_FAILS(call, status, words) check_status(__FILE__, __LINE__, #call, (call), (status), (words))

/* What depends on the processor: done, or refused with this sentence. */
#define CHECK_OK_OR(call, status, words) check_ok_or(__FILE__, __LINE__, #call, (call), (status), (words))

static inline void check_near(const char* file, int line, const char* what, double actual, double expected, double bound) {
  if (fabs(actual - expected) <= bound) return;
  ++num_failures;
  fprintf(stderr, "%s:%d: %s = %.9g, expected %.9g within %g\n", file, line, what, actual, expected, bound);
}

static inline void check_status(const char* file, int line, const char* what, segpref_status actual, segpref_status expected, const char* words) {
  if (actual == expected && (expected == SEGPREF_OK || strstr(segpref_last_error(), words) != NULL)) return;
  ++num_failures;
  fprintf(stderr, "%s:%d: %s gave %s, expected %s \"%s\"; last error: %s\n", file, line, what, segpref_status_name(actual),
          segpref_status_name(expected), words, segpref_last_error());
}

static inline void check_ok_or(const char* file, int line, const char* what, segpref_status actual, segpref_status otherwise, const char* words) {
  if (actual != SEGPREF_OK) check_status(file, line, what, actual, otherwise, words);
}

static inline int finish(void) {
  if (num_failures > 0) fprintf(stderr, "%d checks failed\n", num_failures);
  return num_failures > 0 ? 1 : 0;
}

/* F32(array, 2, 3) is a contiguous [2, 3] tensor over array; it lives as long as the block it stands in. */
#define TENSOR(code, bits, array, ...)                                                                         \
  ((DLTensor){.data = (void*)(array), .device = {kDLCPU, 0}, .ndim = (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), \
              .dtype = {(code), (bits), 1}, .shape = (int64_t[]){__VA_ARGS__}, .strides = NULL, .byte_offset = 0})
#define F32(array, ...) TENSOR(kDLFloat, 32, array, __VA_ARGS__)
#define F64(array, ...) TENSOR(kDLFloat, 64, array, __VA_ARGS__)
#define F16(array, ...) TENSOR(kDLFloat, 16, array, __VA_ARGS__)
#define BF16(array, ...) TENSOR(kDLBfloat, 16, array, __VA_ARGS__)
#define I32(array, ...) TENSOR(kDLInt, 32, array, __VA_ARGS__)
#define I64(array, ...) TENSOR(kDLInt, 64, array, __VA_ARGS__)

static inline segpref_context* make_context(int num_threads) {
  segpref_context* context = NULL;
  CHECK_OK(segpref_context_create(num_threads, &context));
  return context;
}

#endif
