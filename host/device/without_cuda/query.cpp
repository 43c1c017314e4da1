#include "host/device/query.hpp"

#include "segpref/error.hpp"

namespace segpref::device {

Driver find_driver() {
  Driver none;
  none.problem = "this segpref was built without CUDA";
  return none;
}

Description describe(int) { throw Error(ErrorCode::unsupported, find_driver().problem); }

}  // namespace segpref::device
