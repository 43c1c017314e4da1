#include "host/files/file_io.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "segpref/error.hpp"

namespace segpref::files {
namespace {

// Linux moves at most 2 GiB - 4 KiB per call.
constexpr std::int64_t most_per_call = std::int64_t{1} << 30;

[[noreturn]] void fail(const std::string& path, const char* action) {
  throw Error(ErrorCode::io, fmt::format("{}: cannot {}: {}", path, action, std::strerror(errno)));
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

void read_exactly(int descriptor, const std::string& path, std::int64_t offset, void* out, std::int64_t bytes) {
  char* cursor = static_cast<char*>(out);
  while (bytes > 0) {
    const ssize_t got = pread(descriptor, cursor, static_cast<std::size_t>(std::min(bytes, most_per_call)), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path, "read");
    if (got == 0)
      throw Error(ErrorCode::bad_data, fmt::format("{}: the file ends at byte {}, {} bytes too early", path, offset, bytes));
    cursor += got;
    offset += got;
    bytes -= got;
  }
}

}  // namespace

InputFile::InputFile(std::string path) : path_(std::move(path)) {
  descriptor_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) fail(path_, "open");
  struct stat status {};
  if (fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(descriptor_);
    throw Error(ErrorCode::io, fmt::format("{}: not a regular file", path_));
  }
  size_ = status.st_size;
}

InputFile::~InputFile() { close(descriptor_); }

void InputFile::read_at(std::int64_t offset, void* out, std::int64_t bytes) const {
  read_exactly(descriptor_, path_, offset, out, bytes);
}

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)) {
  struct stat status {};
  if (stat(path_.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
    throw Error(ErrorCode::io, fmt::format("{}: exists and is not a regular file", path_));
  temporary_ = path_ + ".XXXXXX";
  descriptor_ = mkostemp(temporary_.data(), O_CLOEXEC);
  if (descriptor_ < 0) fail(path_, "create a file in its folder");
  const mode_t mask = umask(0);
  umask(mask);
  fchmod(descriptor_, 0666 & ~mask);  // mkostemp gives 0600, but a result file is readable like any other
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  close(descriptor_);
  unlink(temporary_.c_str());
}

void AtomicFile::resize(std::int64_t bytes) {
  if (ftruncate(descriptor_, bytes) != 0) fail(path_, "set the file's size");
}

void AtomicFile::write_at(std::int64_t offset, const void* data, std::int64_t bytes) {
  const char* cursor = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t done = pwrite(descriptor_, cursor, static_cast<std::size_t>(std::min(bytes, most_per_call)), offset);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail(path_, "write");
    cursor += done;
    offset += done;
    bytes -= done;
  }
}

void AtomicFile::read_at(std::int64_t offset, void* out, std::int64_t bytes) const {
  read_exactly(descriptor_, path_, offset, out, bytes);
}

void AtomicFile::commit() {
  if (fsync(descriptor_) != 0) fail(path_, "write");
  const int closed = close(descriptor_);
  descriptor_ = -1;
  if (closed != 0 || std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int reason = errno;
    unlink(temporary_.c_str());
    errno = reason;
    fail(path_, "replace");
  }
  // The rename itself must survive a power cut; some file systems cannot sync a folder, and the file is whole either way.
  const int folder = open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    fsync(folder);
    close(folder);
  }
}

}  // namespace segpref::files
