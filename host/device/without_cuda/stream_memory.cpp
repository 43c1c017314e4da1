#include "host/device/stream_memory.hpp"

#include "host/device/device.hpp"
#include "segpref/error.hpp"

namespace segpref::device {

StreamMemory::StreamMemory(std::size_t, int index, void* stream) : index_(index), stream_(stream) { throw Error(ErrorCode::unsupported, driver().problem); }
StreamMemory::~StreamMemory() = default;

}  // namespace segpref::device
