// Device memory that belongs to a stream: it is there from one point of the stream to a later one. Neither of them waits.
#pragma once

#include <cstddef>

namespace segpref::device {

class StreamMemory {
 public:
  /// @param stream  a cudaStream_t of the device `index`; null: its legacy default stream
  /// @throws Error(out_of_memory)
  StreamMemory(std::size_t bytes, int index, void* stream);
  ~StreamMemory();  ///< work that was enqueued before may still use the memory
  StreamMemory(const StreamMemory&) = delete;
  StreamMemory& operator=(const StreamMemory&) = delete;

  std::byte* data() const { return data_; }

 private:
  std::byte* data_ = nullptr;
  int index_;
  void* stream_;
};

}  // namespace segpref::device
