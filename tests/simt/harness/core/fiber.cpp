#include "tests/simt/harness/core/fiber.hpp"

#include "tests/simt/harness/core/sanitizer.hpp"

#if !defined(__x86_64__)
#error "the simt harness switches fibers on x86-64 only"
#endif

// Saves what a call must keep, trades stacks, and returns on the other one.
extern "C" void segpref_simt_switch_stacks(void** save_stack_pointer, void* new_stack_pointer);
asm(R"(
.text
.globl segpref_simt_switch_stacks
.type segpref_simt_switch_stacks, @function
segpref_simt_switch_stacks:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size segpref_simt_switch_stacks, . - segpref_simt_switch_stacks
)");

namespace segpref::simt {

void Fiber::prepare(std::byte* stack, std::size_t stack_bytes, void (*entry)()) {
  permit(stack, stack_bytes);  // frames of the thread that died here are still marked
  constexpr int num_saved_registers = 6;
  auto** top = reinterpret_cast<void**>(stack + stack_bytes - 64);
  *--top = nullptr;  // keeps the stack aligned as after a call
  *--top = reinterpret_cast<void*>(entry);
  for (int i = 0; i < num_saved_registers; ++i) *--top = nullptr;
  stack_pointer_ = top;
  fake_stack_ = nullptr;
  stack_bottom_ = stack;
  stack_bytes_ = stack_bytes;
}

void Fiber::switch_between(Fiber& from, Fiber& to, [[maybe_unused]] bool from_ends) {
#ifdef SEGPREF_SIMT_ASAN
  __sanitizer_start_switch_fiber(from_ends ? nullptr : &from.fake_stack_, to.stack_bottom_, to.stack_bytes_);
#endif
  segpref_simt_switch_stacks(&from.stack_pointer_, to.stack_pointer_);
#ifdef SEGPREF_SIMT_ASAN
  __sanitizer_finish_switch_fiber(from.fake_stack_, nullptr, nullptr);
#endif
}

void Fiber::entered([[maybe_unused]] Fiber& left) {
#ifdef SEGPREF_SIMT_ASAN
  const void* bottom = nullptr;
  std::size_t bytes = 0;
  __sanitizer_finish_switch_fiber(nullptr, &bottom, &bytes);
  if (left.stack_bottom_ == nullptr) {  // the caller's own stack: known from now on
    left.stack_bottom_ = bottom;
    left.stack_bytes_ = bytes;
  }
#endif
}

}  // namespace segpref::simt
