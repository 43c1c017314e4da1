// Where things happened, in words.
#include <dlfcn.h>
#include <elf.h>

#include <cstdio>
#include <map>
#include <string>

#include "tests/simt/harness/core/machine.hpp"

namespace segpref::simt {
namespace {

/// What binutils' addr2line says of an address in this program. Slow, and only needed for an error.
std::string address_to_text(const char* options, const void* address) {
  Dl_info object;
  if (address == nullptr || dladdr(address, &object) == 0) return "";
  const bool is_relocated = static_cast<const Elf64_Ehdr*>(object.dli_fbase)->e_type == ET_DYN;
  const std::size_t offset = reinterpret_cast<std::size_t>(address) - (is_relocated ? reinterpret_cast<std::size_t>(object.dli_fbase) : 0);
  char command[1024], line[1024] = "";
  std::snprintf(command, sizeof command, "addr2line %s '%s' 0x%zx 2>/dev/null", options, object.dli_fname, offset);
  FILE* output = popen(command, "r");
  if (output == nullptr) return "";
  std::string text = std::fgets(line, sizeof line, output) != nullptr ? line : "";
  while (std::fgets(line, sizeof line, output) != nullptr) {
  }
  pclose(output);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

/// The part of a path that a reader of this repository needs.
std::string short_path(const std::string& path) {
  for (const char* room : {"/kernels/", "/tests/"})
    if (const std::size_t found = path.rfind(room); found != std::string::npos) return path.substr(found + 1);
  return path;
}

}  // namespace

std::string place(const Site& site) { return short_path(site.file_name()) + ":" + std::to_string(site.line()); }

std::string place_of_code(const void* program_counter) {
  if (program_counter == nullptr) return "an unknown place";
  // A return address belongs to the next instruction.
  std::string text = short_path(address_to_text("-Cpe", static_cast<const char*>(program_counter) - 1));
  if (const std::size_t note = text.find(" (discriminator"); note != std::string::npos) text.resize(note);
  return text.empty() ? "an unknown place" : text;
}

std::string kernel_name(const void* kernel) {
  std::string name = address_to_text("-Cfe", kernel);
  if (const std::size_t arguments = name.find('('); arguments != std::string::npos && arguments > 0 && name.find("kernel") < arguments) name.resize(arguments);
  return name.empty() || name == "??" ? "kernel" : name;
}

std::string where_thread_is(const Thread& thread) {
  char text[128];
  const Index3 &block = thread.block->position, &position = thread.position;
  std::snprintf(text, sizeof text, " block (%u,%u,%u) thread (%u,%u,%u)", block.x, block.y, block.z, position.x, position.y, position.z);
  return kernel_name(machine().launch->kernel) + text;
}

std::string describe_deadlock(const Block& block) {
  struct Group {
    int num_threads = 0, first_thread = 0;
  };
  std::map<std::string, Group> groups;
  for (const Thread* thread : block.threads) {
    if (thread->state == ThreadState::done) continue;
    char mask[32] = "";
    if (thread->state == ThreadState::at_warp_operation) std::snprintf(mask, sizeof mask, " (mask %08x)", thread->wait_mask);
    Group& group = groups[std::string(thread->waits_for) + mask + " at " + place(thread->wait_site)];
    if (group.num_threads++ == 0) group.first_thread = thread->index;
  }
  char position[64];
  std::snprintf(position, sizeof position, " block (%u,%u,%u): ", block.position.x, block.position.y, block.position.z);
  const std::size_t num_ended = block.threads.size() - static_cast<std::size_t>(block.num_live);
  std::string text = kernel_name(machine().launch->kernel) + position + "deadlock: " + std::to_string(num_ended) + " threads ended";
  for (const auto& [what, group] : groups)
    text += "; " + std::to_string(group.num_threads) + " wait for " + what + ", the first of them thread " + std::to_string(group.first_thread);
  return text;
}

}  // namespace segpref::simt
