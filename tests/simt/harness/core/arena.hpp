// The modelled device's memory: one reserved range of addresses that holds the shared memory of running blocks and all device buffers,
// far enough apart that a stray access falls between them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace segpref::simt {

/// What a byte of the arena is. Kept in check mode only.
enum class ByteState : std::uint8_t {
  unmapped,        ///< belongs to no variable or buffer
  uninitialised,   ///< nobody wrote it yet
  initialised,
  copy_in_flight,  ///< an asynchronous copy will write it
};

namespace arena {

inline constexpr std::size_t window_bytes = 256 * 1024;  ///< shared memory of one block with gaps between its variables
inline constexpr std::size_t num_windows = 8;            ///< taken in turn, so that a pointer into an earlier block's memory leads nowhere
inline constexpr std::size_t shared_bytes = num_windows * window_bytes;
inline constexpr std::size_t arena_bytes = std::size_t{512} << 20;
inline constexpr std::size_t gap_bytes = 16 * 1024;      ///< at least so much between two buffers

/// Addresses of the arena are numbered from 0.
bool contains(const void* p);
std::size_t offset_of(const void* p);
std::byte* at(std::size_t offset);
inline bool is_shared(std::size_t offset) { return offset < shared_bytes; }

ByteState state(std::size_t offset);
/// Sets the state and tells AddressSanitizer.
void set_state(const void* p, std::size_t bytes, ByteState state);

/// A device buffer of `bytes`, filled with NaN patterns.
void* allocate(std::size_t bytes, ByteState initial);
/// The largest buffer that there is room for.
std::size_t bytes_left();
/// The memory becomes a hole; its content is destroyed. Throws Error for an address that is not the begin of a buffer.
void release(void* p);
/// Size of the buffer that begins at p; 0 when none does.
std::size_t bytes_of_buffer(const void* p);
/// Whether all of [p, p + bytes) lies inside one device buffer.
bool is_device_range(const void* p, std::size_t bytes);

/// Copies between host and device as cudaMemcpy would: device memory becomes initialised, and must be so where it is read.
void write_from_host(void* device, const void* host, std::size_t bytes);
void read_to_host(void* host, const void* device, std::size_t bytes);

}  // namespace arena

/// Reserves zeroed memory that costs nothing until it is touched.
std::byte* reserve_memory(std::size_t bytes);

/// The value of bytes that nobody wrote: NaN as f64, f32, f16 and bf16, -1 as an integer.
inline constexpr int poison_byte = 0xff;

}  // namespace segpref::simt
