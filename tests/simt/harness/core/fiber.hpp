// One CUDA thread's flow of control: a stack and a place to continue. A switch costs a few nanoseconds.
#pragma once

#include <cstddef>

namespace segpref::simt {

class Fiber {
 public:
  Fiber() = default;  ///< stands for the flow of control that first switches away from it

  /// Makes the fiber start `entry` on the given stack when it is switched to. `entry` never returns: it ends with a last switch.
  void prepare(std::byte* stack, std::size_t stack_bytes, void (*entry)());

  /// Leaves `from`, continues `to`; returns when somebody switches to `from` again, which never happens when it `ends`.
  static void switch_between(Fiber& from, Fiber& to, bool from_ends = false);

  /// The first act of an entry function: `left` is the fiber that was left to come here.
  static void entered(Fiber& left);

 private:
  void* stack_pointer_ = nullptr;
  // What AddressSanitizer wants to know about stacks.
  void* fake_stack_ = nullptr;
  const void* stack_bottom_ = nullptr;
  std::size_t stack_bytes_ = 0;
};

}  // namespace segpref::simt
