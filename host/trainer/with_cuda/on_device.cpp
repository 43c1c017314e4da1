#include "host/trainer/on_device.hpp"

#include <algorithm>
#include <cstring>

#include "host/device/with_cuda/current_device.hpp"
#include "host/trainer/with_cuda/device_logits.hpp"
#include "host/validate/call_device.hpp"
#include "host/validate/mlp.hpp"
#include "host/validate/tensor.hpp"

namespace segpref {
namespace {

std::int64_t bytes_per_row(const ConstTensorView& tensor) { return tensor.present() ? tensor.shape[1] * size_of(tensor.dtype) : 0; }

/// Rows of one host tensor on the device. They are collected first where the tensor has gaps between them.
class RowsInPart {
 public:
  RowsInPart(const ConstTensorView& tensor, std::int64_t most_rows, int index, const device::Stream& stream)
      : tensor_(tensor), on_device_(static_cast<std::size_t>(most_rows * bytes_per_row(tensor)), index, stream) {
    if (tensor.present() && !tensor.contiguous()) collected_.resize(on_device_.size());
  }
  /// The device's view of rows [begin, begin + count). The stream has made the upload before.
  ConstTensorView upload(std::int64_t begin, std::int64_t count, const Device& device) {
    ConstTensorView rows = tensor_;
    if (!tensor_.present()) return rows;
    const auto* source = static_cast<const std::byte*>(tensor_.data) + begin * tensor_.strides[0] * size_of(tensor_.dtype);
    const std::int64_t width = bytes_per_row(tensor_);
    for (std::int64_t row = 0; row < count && !collected_.empty(); ++row)
      std::memcpy(collected_.data() + row * width, source + row * tensor_.strides[0] * size_of(tensor_.dtype), static_cast<std::size_t>(width));
    on_device_.upload({collected_.empty() ? source : collected_.data(), static_cast<std::size_t>(count * width)});
    rows.data = on_device_.data();
    rows.device = device;
    rows.shape[0] = count;
    rows.strides[0] = tensor_.shape[1];
    return rows;
  }

 private:
  ConstTensorView tensor_;
  std::vector<std::byte> collected_;
  device::StreamArray<std::byte> on_device_;
};

/// One of the two chunks under way: its rows go up, its rewards come down, on a stream of its own.
class Lane {
 public:
  Lane(const Context& context, const RewardEnsemble& ensemble, const Features& features, const Prediction& prediction, std::int64_t most_rows, int index)
      : context_(context.on_stream(stream_.get())), ensemble_(ensemble), prediction_(prediction), device_{Device::Kind::cuda, index}, most_rows_(most_rows),
        first_(features.first, most_rows, index, stream_), second_(features.second, most_rows, index, stream_), parameters_(ensemble.file().parameters, index, stream_),
        mean_(ensemble.file().feature_mean, index, stream_), std_(ensemble.file().feature_std, index, stream_), shift_(ensemble.file().reward_shift, index, stream_),
        scale_(ensemble.file().reward_scale, index, stream_), members_(wanted(prediction.members, ensemble.architecture().num_members), index, stream_),
        mean_reward_(wanted(prediction.mean, 1), index, stream_), std_reward_(wanted(prediction.std, 1), index, stream_) {}
  ~Lane() { static_cast<void>(cudaStreamSynchronize(stream_.get())); }  // nothing reads or writes the host's arrays any more

  void begin(std::int64_t begin, std::int64_t count) {
    begin_ = begin;
    count_ = count;
    Features rows;
    rows.first = first_.upload(begin, count, device_);
    rows.second = second_.upload(begin, count, device_);
    if (mean_.size() > 0) {
      rows.mean = mean_.read();
      rows.std = std_.read();
    }
    RewardNormalization normalization;
    if (shift_.size() > 0) normalization = {shift_.read(), scale_.read()};
    Prediction rewards;
    if (prediction_.members.present()) rewards.members = members_.write({ensemble_.architecture().num_members, count});
    if (prediction_.mean.present()) rewards.mean = mean_reward_.write({count});
    if (prediction_.std.present()) rewards.std = std_reward_.write({count});
    predict_rewards(context_, ensemble_.architecture(), parameters_.read(), rows, rewards, normalization);
  }
  /// Brings the rewards of the last begin() home.
  void finish() {
    if (count_ == 0) return;
    const auto count = static_cast<std::size_t>(count_);
    if (prediction_.members.present()) {
      by_member_.resize(count * static_cast<std::size_t>(ensemble_.architecture().num_members));
      members_.download(by_member_);
    }
    if (prediction_.mean.present()) mean_reward_.download({static_cast<float*>(prediction_.mean.data) + begin_, count});
    if (prediction_.std.present()) std_reward_.download({static_cast<float*>(prediction_.std.data) + begin_, count});
    stream_.wait();
    if (prediction_.members.present())
      for (std::int64_t member = 0; member < ensemble_.architecture().num_members; ++member)
        std::copy_n(by_member_.data() + member * count_, count_, static_cast<float*>(prediction_.members.data) + member * prediction_.members.shape[1] + begin_);
    count_ = 0;
  }

 private:
  std::size_t wanted(const TensorView& tensor, std::int64_t rows) const { return tensor.present() ? static_cast<std::size_t>(rows * most_rows_) : 0; }

  device::Stream stream_;
  Context context_;
  const RewardEnsemble& ensemble_;
  const Prediction& prediction_;
  Device device_;
  std::int64_t most_rows_;
  RowsInPart first_, second_;
  device::StreamArray<float> parameters_, mean_, std_, shift_, scale_, members_, mean_reward_, std_reward_;
  std::vector<float> by_member_;
  std::int64_t begin_ = 0, count_ = 0;  ///< what is under way
};

/// The rules of predict_rewards that a chunk on the device cannot check.
std::int64_t check(const RewardEnsemble& ensemble, const Features& features, const Prediction& prediction) {
  const std::int64_t members = ensemble.architecture().num_members;
  const std::int64_t num_steps = validation::features(features, ensemble.architecture().feature_dim, {});
  if (prediction.members.present()) validation::tensor("prediction.members", prediction.members, {}, {DType::f32}, {members, num_steps}, "[num_members, num_steps]");
  if (prediction.mean.present()) validation::tensor("prediction.mean", prediction.mean, {}, {DType::f32}, {num_steps}, "[num_steps]");
  if (prediction.std.present()) validation::tensor("prediction.std", prediction.std, {}, {DType::f32}, {num_steps}, "[num_steps]");
  return num_steps;
}

}  // namespace

std::vector<float> cuda_logits(const Context& context, const RewardEnsemble& ensemble, const PreferenceDataset& data, const std::vector<std::int64_t>& pairs, const Device& device) {
  validation::device_of_plan("mlp_preference_loss", "device is", device);
  const device::CurrentDevice current(device.index);
  const device::Stream stream;
  const DeviceDataset device_data(data, ensemble, device.index, stream);
  return DeviceLogits(context.on_stream(stream.get()), ensemble, data, device_data, static_cast<std::int64_t>(pairs.size()), device.index, stream).of(pairs);
}

void cuda_predict(const Context& context, const RewardEnsemble& ensemble, const Features& features, const Prediction& prediction, const Device& device, std::int64_t chunk_bytes) {
  validation::device_of_plan("predict_rewards", "device is", device);
  const std::int64_t num_steps = check(ensemble, ensemble.standardized(features), prediction);
  const device::CurrentDevice current(device.index);
  const std::int64_t row_bytes = bytes_per_row(features.first) + bytes_per_row(features.second), most_rows = std::clamp<std::int64_t>(chunk_bytes / (2 * row_bytes), 1, std::max<std::int64_t>(1, num_steps));
  Lane lanes[2] = {{context, ensemble, features, prediction, most_rows, device.index}, {context, ensemble, features, prediction, most_rows, device.index}};
  std::int64_t chunk = 0;
  for (std::int64_t begin = 0; begin < num_steps; begin += most_rows, ++chunk) {
    Lane& lane = lanes[chunk % 2];
    lane.finish();
    lane.begin(begin, std::min(most_rows, num_steps - begin));
  }
  for (std::int64_t i = 0; i < 2; ++i) lanes[(chunk + i) % 2].finish();
}

}  // namespace segpref
