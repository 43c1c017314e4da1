/* segpref for C and for everything that speaks C: reward models from preferences over trajectory segments.
 *
 *  1. The simplest call     4. Conventions of tensors     7. Losses through a reward model     10. Query scores
 *  2. Status and errors     5. Contexts                   8. Ranking loss                      11. Optimiser step
 *  3. Version and layout    6. Preference loss            9. Prediction                        12. Plans and workspaces
 *
 * Words and formulas: docs/ops/preference_loss.md. A complete program: examples/06_c_preference_loss.c.
 *
 * 1. The simplest call. Two segments of three and two steps, the second one preferred:
 *
 *     segpref_context* context = NULL;
 *     segpref_context_create(0, &context);                        // one thread per core; keep it
 *     segpref_preference_batch batch = {.struct_size = sizeof batch, .offsets = &offsets, .labels = &labels};
 *     segpref_preference_result result = {.struct_size = sizeof result, .loss = &loss};
 *     if (segpref_preference_loss(context, &step_rewards, &batch, NULL, &result, &grad_step_rewards) != SEGPREF_OK)
 *       fprintf(stderr, "%s\n", segpref_last_error());
 *     segpref_context_destroy(context);
 *
 * where offsets, labels, loss, step_rewards and grad_step_rewards are DLTensors over the caller's own arrays.
 */
#ifndef SEGPREF_SEGPREF_H_
#define SEGPREF_SEGPREF_H_

#include <dlpack/dlpack.h> /* DLPack 0.6 or newer; Debian: libdlpack-dev */
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SEGPREF_C_API __attribute__((visibility("default")))
#else
#define SEGPREF_C_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------------------------------------------------------------
 * 2. Status and errors
 *
 * Every function that can fail returns a status. Nothing has been written to any tensor when it is SEGPREF_INVALID_ARGUMENT,
 * SEGPREF_INVALID_TYPE or SEGPREF_UNSUPPORTED. No C++ exception leaves the library.
 */
typedef int32_t segpref_status;
enum {
  SEGPREF_OK = 0,
  SEGPREF_INVALID_ARGUMENT = 1, /* a value, shape or size breaks a rule */
  SEGPREF_INVALID_TYPE = 2,     /* a dtype or device that this argument does not take */
  SEGPREF_UNSUPPORTED = 3,      /* legal, but not done by this version or this machine */
  SEGPREF_BAD_DATA = 4,         /* a file's contents are wrong */
  SEGPREF_IO = 5,               /* the system refused to read or write */
  SEGPREF_OUT_OF_MEMORY = 6,    /* of memory or of threads */
  SEGPREF_INTERNAL = 7,         /* a defect of segpref: please report it */
  SEGPREF_DEVICE_FAILED = 8     /* a CUDA call failed; the sentence says whether the device needs a new process */
};

/* The sentence of the calling thread's last failed call: argument, position, value and rule, for example
 * "pairs[17, second] = 240 is outside [0, 200) (num_segments)". "" before the first failure; calls that succeed leave it.
 * Valid until the thread's next failure. Every thread has its own, and it is the only state of the library outside the caller's objects. */
SEGPREF_C_API const char* segpref_last_error(void);

/* "ok", "invalid_argument", ...; "unknown" for any other number. */
SEGPREF_C_API const char* segpref_status_name(segpref_status status);

/* ---------------------------------------------------------------------------------------------------------------------
 * 3. Version and layout
 *
 * The numbers of this header; the functions tell those of the loaded library. Promises:
 * - Within one major version (the SONAME) functions keep their meaning, enum constants their numbers, and structs their fields and
 *   offsets. While the major version is 0, a new minor version may break this, and the change log says how.
 * - Structs grow only at their end. Every struct begins with struct_size, which the caller sets to sizeof of the struct it was compiled
 *   with (the *_init functions do that): a smaller one than the library's is filled up with defaults, so an older program keeps working;
 *   a larger one is taken when all bytes the library does not know are 0, and is SEGPREF_UNSUPPORTED otherwise.
 * - Objects (segpref_context, segpref_plan) are opaque.
 */
#define SEGPREF_VERSION_MAJOR 0
#define SEGPREF_VERSION_MINOR 1
#define SEGPREF_VERSION_PATCH 0
#define SEGPREF_VERSION_NUMBER (SEGPREF_VERSION_MAJOR * 10000 + SEGPREF_VERSION_MINOR * 100 + SEGPREF_VERSION_PATCH)

SEGPREF_C_API const char* segpref_version(void);        /* "major.minor.patch" */
SEGPREF_C_API int32_t segpref_version_number(void);     /* major * 10000 + minor * 100 + patch */

/* ---------------------------------------------------------------------------------------------------------------------
 * 4. Conventions of tensors
 *
 * Every tensor is a const DLTensor*, read or written through its data pointer and never kept. NULL is "absent": an optional input that
 * was not given, an output that is not wanted (and then not computed).
 * - data + byte_offset is the first element, aligned to its type; data may be NULL where the tensor has no elements.
 * - ndim is 1 to 4. strides count elements; NULL means row-major without gaps. Tensors are row-major without gaps, save where rows may be strided.
 * - dtype is f32, f64, f16 (kDLFloat 16), bf16 (kDLBfloat 16), i32 or i64, with lanes = 1. Index arrays are i32 or i64. Labels, weights and
 *   margins are f32; f64 is also taken where rewards or features are f64. "real" is f64 where rewards or features are f64, else f32.
 * - device is kDLCPU, kDLCUDAHost (pinned memory, used as CPU memory), or kDLCUDA where the build and the machine have it, else
 *   SEGPREF_UNSUPPORTED: the call is then enqueued on the context's stream and returns before it is done. Any other device is SEGPREF_INVALID_TYPE, and so are tensors of different devices in one call.
 * - Outputs do not overlap inputs or each other. Every output is fully overwritten.
 */

/* ---------------------------------------------------------------------------------------------------------------------
 * 5. Contexts
 *
 * Threads that calls run on. Costly to make (it starts threads): keep one. Calls on one context take turns; contexts are independent and may
 * be used at the same time. Results never depend on the number of threads.
 */
typedef struct segpref_context segpref_context;

/* num_threads: 0 means one per available core; at most 1024. *context is NULL on failure. */
SEGPREF_C_API segpref_status segpref_context_create(int32_t num_threads, segpref_context** context);
SEGPREF_C_API void segpref_context_destroy(segpref_context* context);                 /* NULL is fine */
SEGPREF_C_API int32_t segpref_context_num_threads(const segpref_context* context);    /* 0 for NULL */

/* For calls on tensors of a CUDA device; calls on host memory take no notice. Neither may run beside another call on the same context.
 *   cuda_stream  a cudaStream_t of the tensors' device, used by every later call on the context; NULL (a new context's): the legacy default stream
 *   check_values 1: values in device memory are checked too, as those in host memory always are, and the call waits for it; 0 (a new context's): they are not */
SEGPREF_C_API segpref_status segpref_context_set_stream(segpref_context* context, void* cuda_stream);
SEGPREF_C_API segpref_status segpref_context_set_check_values(segpref_context* context, int32_t check_values);

/* ---------------------------------------------------------------------------------------------------------------------
 * 6. Preference loss of step rewards that the caller's own model produced
 */

/* The comparisons of one call. Zero-initialise, set struct_size, set what you have. */
typedef struct segpref_preference_batch {
  size_t struct_size;
  const DLTensor* offsets;    /* [num_segments + 1], non-decreasing, in [0, num_steps]: segment s is [offsets[s], offsets[s + 1]) */
  const DLTensor* begins;     /* [num_segments], instead of offsets: windows that may overlap; needs lengths */
  const DLTensor* lengths;    /* [num_segments], >= 0 */
  const DLTensor* pairs;      /* [num_pairs, 2] segment indices (first, second); absent: (0, 1), (2, 3), ... */
  const DLTensor* pair_order; /* [num_batch_pairs] or [num_members, num_batch_pairs] pair indices; absent: every pair once */
  const DLTensor* labels;     /* [num_pairs] in [0, 1]: probability that the second segment is preferred */
  const DLTensor* weights;    /* [num_pairs] or [num_members, num_pairs], finite, >= 0; absent: 1 */
  const DLTensor* margins;    /* [num_pairs] or [num_members, num_pairs], finite, >= 0, in logit units; absent: 0 */
} segpref_preference_batch;

enum { SEGPREF_AGGREGATION_SUM = 0, SEGPREF_AGGREGATION_MEAN = 1, SEGPREF_AGGREGATION_LAST = 2 };
enum { SEGPREF_TIE_MODEL_NONE = 0, SEGPREF_TIE_MODEL_RAO_KUPPER = 1, SEGPREF_TIE_MODEL_DAVIDSON = 2 };
enum { SEGPREF_REDUCTION_MEAN = 0, SEGPREF_REDUCTION_SUM = 1, SEGPREF_REDUCTION_NONE = 2 };
enum { SEGPREF_NONFINITE_PROPAGATE = 0, SEGPREF_NONFINITE_SKIP = 1 };

/* How two scores become a loss. The defaults leave the plain Bradley-Terry cross-entropy; NULL instead of options means the defaults. */
typedef struct segpref_preference_options {
  size_t struct_size;
  int32_t aggregation; /* SEGPREF_AGGREGATION_*; default sum */
  int32_t tie_model;   /* SEGPREF_TIE_MODEL_*; default none */
  int32_t reduction;   /* SEGPREF_REDUCTION_*; default mean */
  int32_t nonfinite;   /* SEGPREF_NONFINITE_*; default propagate */
  double discount;     /* (0, 1], per step from the segment's first; default 1, and 1 with aggregation last */
  double temperature;  /* > 0, finite; default 1 */
  double clip;         /* > 0: the logit is clipped to [-clip, clip]; default infinity */
  double smoothing;    /* [0, 1]: target = (1 - smoothing) * label + smoothing / 2; default 0 */
  double lapse;        /* [0, 1): the rater answers at random with this probability; default 0 */
  double centering;    /* >= 0: adds centering * (score_first + score_second)^2; default 0 */
  double normalizer;   /* > 0: divisor of reduction mean instead of the batch's own sum of weights; default 0: none */
  const DLTensor* tie_parameter; /* [1] or [num_members], f32, or real: eta > 0 (Rao-Kupper) or log_nu (Davidson); absent without a tie model */
} segpref_preference_options;

SEGPREF_C_API void segpref_preference_options_init(segpref_preference_options* options);

/* Columns of the metrics: sums over a batch, one row per member. */
enum {
  SEGPREF_METRIC_WEIGHT_SUM = 0,    /* sum of w */
  SEGPREF_METRIC_LOSS_SUM = 1,      /* sum of w * loss, without the centring term */
  SEGPREF_METRIC_CENTERING_SUM = 2, /* sum of w * centring term */
  SEGPREF_METRIC_NUM_JUDGED = 3,    /* pairs with label != 0.5 and w > 0 */
  SEGPREF_METRIC_NUM_CORRECT = 4,   /* judged pairs whose logit has the label's sign; z = 0 is wrong */
  SEGPREF_METRIC_GAP_SUM = 5,       /* sum over judged pairs of (score_second - score_first) * sign(label - 0.5), unweighted */
  SEGPREF_METRIC_NUM_SKIPPED = 6,   /* pairs left out by SEGPREF_NONFINITE_SKIP */
  SEGPREF_NUM_METRICS = 7
};

/* Where results go. */
typedef struct segpref_preference_result {
  size_t struct_size;
  const DLTensor* loss;               /* [num_members] real: reduced loss; must be absent with reduction none */
  const DLTensor* loss_per_pair;      /* [num_members, num_batch_pairs] real: w * (loss + centring term); 0 for a left-out pair */
  const DLTensor* scores;             /* [num_members, num_segments] real */
  const DLTensor* logits;             /* [num_members, num_batch_pairs] real, before clipping */
  const DLTensor* metrics;            /* [num_members, SEGPREF_NUM_METRICS] f64 */
  const DLTensor* grad_tie_parameter; /* the shape of tie_parameter, real */
} segpref_preference_result;

/* Two-way preference cross-entropy of segment scores, with its gradient.
 *   step_rewards       [num_members, num_steps] or [num_steps]; f32, f64, bf16 or f16
 *   options, result    NULL: defaults, no results
 *   grad_step_rewards  the shape and dtype of step_rewards (0 where no counted pair reaches); NULL: no backward pass
 * Allocates a workspace for this call; section 12 has the form that does not. Sums run in a fixed order: the same bits every time.
 * Source: Christiano et al. 2017 (arXiv:1706.03741), eq. 1; Bradley and Terry 1952. */
SEGPREF_C_API segpref_status segpref_preference_loss(const segpref_context* context, const DLTensor* step_rewards, const segpref_preference_batch* batch,
                                                     const segpref_preference_options* options, const segpref_preference_result* result,
                                                     const DLTensor* grad_step_rewards);

/* ---------------------------------------------------------------------------------------------------------------------
 * 7. The same loss through a reward model
 */

/* Linear: r = w . x + b, one head per member. real. */
typedef struct segpref_linear_head {
  size_t struct_size;
  const DLTensor* weight; /* [num_members, feature_dim] or [feature_dim] */
  const DLTensor* bias;   /* [num_members], or [1] for all members; absent: 0 */
} segpref_linear_head;

typedef struct segpref_linear_gradients {
  size_t struct_size;
  const DLTensor* weight;   /* the shape of the weight */
  const DLTensor* bias;     /* the shape of the bias; summed over members where they share it */
  const DLTensor* features; /* [num_steps, feature_dim], the dtype of the features, summed over members */
} segpref_linear_gradients;

/*   features      [num_steps, feature_dim], rows may be strided; f32, f64, bf16 or f16; read once
 *   gradients     NULL: none
 *   step_rewards  [num_members, num_steps] real, out; NULL: not computed */
SEGPREF_C_API segpref_status segpref_linear_preference_loss(const segpref_context* context, const segpref_linear_head* head, const DLTensor* features,
                                                            const segpref_preference_batch* batch, const segpref_preference_options* options,
                                                            const segpref_preference_result* result, const segpref_linear_gradients* gradients,
                                                            const DLTensor* step_rewards);

enum {
  SEGPREF_ACTIVATION_RELU = 0,
  SEGPREF_ACTIVATION_LEAKY_RELU = 1,
  SEGPREF_ACTIVATION_TANH = 2,
  SEGPREF_ACTIVATION_SILU = 3,
  SEGPREF_ACTIVATION_GELU = 4
};
enum { SEGPREF_OUTPUT_IDENTITY = 0, SEGPREF_OUTPUT_TANH = 1, SEGPREF_OUTPUT_SIGMOID = 2 };
/* Precision of the matrix products. bf16 rounds their operands and adds up in f32; it takes f32 parameters and is SEGPREF_UNSUPPORTED where the
 * processor has no AVX512-BF16. */
enum { SEGPREF_COMPUTE_STANDARD = 0, SEGPREF_COMPUTE_BF16 = 1, SEGPREF_COMPUTE_TF32 = 2, SEGPREF_COMPUTE_F16 = 3 };  /* the last two: CUDA devices only */
#define SEGPREF_MAX_HIDDEN 4

/* An ensemble of MLPs feature_dim -> hidden... -> 1; without hidden layers it is the linear model. */
typedef struct segpref_reward_architecture {
  size_t struct_size;
  int64_t feature_dim;                /* 1 to 16384 */
  int64_t hidden[SEGPREF_MAX_HIDDEN]; /* widths of 1 to 1024; the first num_hidden count */
  int32_t num_hidden;                 /* 0 to 4; default 0 */
  int32_t num_members;                /* 1 to 32; default 1 */
  int32_t activation;                 /* SEGPREF_ACTIVATION_*; default leaky_relu */
  int32_t output;                     /* SEGPREF_OUTPUT_*; default identity */
  int32_t output_scaled;              /* 1, with tanh or sigmoid: lo + (hi - lo) * u, u the output mapped to [0, 1]; default 0 */
  int32_t bias;                       /* 1: layers have biases (the default); 0: none */
  double leaky_slope;                 /* [0, 1); default 0.01 */
  double output_lo, output_hi;        /* defaults 0 and 1 */
  double dropout;                     /* [0, 1): probability that a hidden unit is 0 in training; default 0 */
} segpref_reward_architecture;

SEGPREF_C_API void segpref_reward_architecture_init(segpref_reward_architecture* architecture);

/* Parameters of all members lie in one flat buffer: layers.0.weight [num_members, out, in], layers.0.bias [num_members, out],
 * layers.1.weight, ... This is its number of elements. */
SEGPREF_C_API segpref_status segpref_num_parameters(const segpref_reward_architecture* architecture, int64_t* num_parameters);

/* Fills parameters [num_parameters] f32: uniform in +-1/sqrt(in), weights and biases, a pure function of the seed. */
SEGPREF_C_API segpref_status segpref_initialize_parameters(const segpref_reward_architecture* architecture, uint64_t seed, const DLTensor* parameters);

/* Input rows, in one tensor or in two that are never concatenated. Rows may be strided, elements of a row are adjacent. */
typedef struct segpref_features {
  size_t struct_size;
  const DLTensor* first;  /* [num_steps, d0]; f32, f64, bf16 or f16 */
  const DLTensor* second; /* [num_steps, d1], the dtype of first; absent: one tensor. d0 + d1 = feature_dim */
  const DLTensor* mean;   /* [feature_dim] f32; absent: features are used as they are */
  const DLTensor* std;    /* [feature_dim] f32, > 0: a feature enters as (x - mean) / std. Given together with mean */
} segpref_features;

typedef struct segpref_mlp_gradients {
  size_t struct_size;
  const DLTensor* parameters;      /* [num_parameters], the dtype of the parameters */
  const DLTensor* features_first;  /* the shape of features.first, the dtype of the parameters, summed over members */
  const DLTensor* features_second; /* the same for features.second */
} segpref_mlp_gradients;

/* Dropout of one call: the mask is a pure function of (seed, call, member, layer, step, unit). */
typedef struct segpref_dropout_state {
  size_t struct_size;
  uint64_t seed;
  uint64_t call;    /* number of the training step */
  int32_t training; /* 1: units are dropped where the architecture has dropout; 0: none are */
  int32_t reserved; /* 0 */
} segpref_dropout_state;

/* Forward of all steps and members that the batch uses, scores, loss and the whole backward pass. "real" follows the parameters here.
 *   parameters          [num_parameters] f32, or f64 (then everything is computed in f64)
 *   gradients, dropout  NULL: none
 *   step_rewards        [num_members, num_steps] real, out: 0 for steps in no counted pair; NULL: not computed
 * Computes in SEGPREF_COMPUTE_STANDARD; a plan (section 12) can ask for bf16, tf32 or f16. */
SEGPREF_C_API segpref_status segpref_mlp_preference_loss(const segpref_context* context, const segpref_reward_architecture* architecture,
                                                         const DLTensor* parameters, const segpref_features* features,
                                                         const segpref_preference_batch* batch, const segpref_preference_options* options,
                                                         const segpref_preference_result* result, const segpref_mlp_gradients* gradients,
                                                         const segpref_dropout_state* dropout, const DLTensor* step_rewards);

/* ---------------------------------------------------------------------------------------------------------------------
 * 8. Plackett-Luce loss of rankings of segments
 */
typedef struct segpref_ranking_batch {
  size_t struct_size;
  const DLTensor* offsets;         /* segments, as in segpref_preference_batch */
  const DLTensor* begins;
  const DLTensor* lengths;
  const DLTensor* rankings;        /* [num_entries] segment indices, best first, one ranking after the other */
  const DLTensor* ranking_offsets; /* [num_rankings + 1]: ranking k is [ranking_offsets[k], ranking_offsets[k + 1]), 2 to 64 entries */
  const DLTensor* weights;         /* [num_rankings] or [num_members, num_rankings]; absent: 1 */
  int64_t ranking_top;             /* stages used per ranking; 0 means all */
} segpref_ranking_batch;

enum {
  SEGPREF_RANKING_METRIC_WEIGHT_SUM = 0,  /* sum of w */
  SEGPREF_RANKING_METRIC_LOSS_SUM = 1,    /* sum of w * loss */
  SEGPREF_RANKING_METRIC_NUM_SKIPPED = 2, /* rankings left out by SEGPREF_NONFINITE_SKIP */
  SEGPREF_NUM_RANKING_METRICS = 3
};

typedef struct segpref_ranking_result {
  size_t struct_size;
  const DLTensor* loss;             /* [num_members] real: reduced loss; must be absent with reduction none */
  const DLTensor* loss_per_ranking; /* [num_members, num_rankings] real: w * loss; 0 for a left-out ranking */
  const DLTensor* scores;           /* [num_members, num_segments] real */
  const DLTensor* metrics;          /* [num_members, SEGPREF_NUM_RANKING_METRICS] f64 */
} segpref_ranking_result;

/* options: aggregation, discount, temperature, reduction, normalizer and nonfinite are used; every other field must have its default.
 * The rest is as in segpref_preference_loss. Source: Plackett 1975; Luce 1959. */
SEGPREF_C_API segpref_status segpref_ranking_loss(const segpref_context* context, const DLTensor* step_rewards, const segpref_ranking_batch* batch,
                                                  const segpref_preference_options* options, const segpref_ranking_result* result,
                                                  const DLTensor* grad_step_rewards);

/* ---------------------------------------------------------------------------------------------------------------------
 * 9. Prediction: step rewards of every row (no dropout)
 */
typedef struct segpref_prediction {
  size_t struct_size;
  const DLTensor* members; /* [num_members, num_steps], the dtype of the parameters */
  const DLTensor* mean;    /* [num_steps], over members */
  const DLTensor* std;     /* [num_steps], population standard deviation over members */
} segpref_prediction;

/* A reward leaves as (r - shift) * scale, per member before mean and std. */
typedef struct segpref_reward_normalization {
  size_t struct_size;
  const DLTensor* shift; /* [num_members] f32 */
  const DLTensor* scale; /* [num_members] f32. Given together with shift */
} segpref_reward_normalization;

/*   normalization  NULL: none
 *   compute        SEGPREF_COMPUTE_* */
SEGPREF_C_API segpref_status segpref_predict_rewards(const segpref_context* context, const segpref_reward_architecture* architecture,
                                                     const DLTensor* parameters, const segpref_features* features,
                                                     const segpref_prediction* prediction, const segpref_reward_normalization* normalization,
                                                     int32_t compute);

/* ---------------------------------------------------------------------------------------------------------------------
 * 10. Query scores: how much an ensemble would learn from the answer to a question
 */
typedef struct segpref_query_result {
  size_t struct_size;
  const DLTensor* mean_probability; /* [num_pairs], the dtype of the scores: mean over members of P(second preferred) */
  const DLTensor* disagreement;     /* [num_pairs]: population variance over members of P(second preferred) */
  const DLTensor* entropy_of_mean;  /* [num_pairs]: entropy of the mean prediction, nats */
  const DLTensor* mean_entropy;     /* [num_pairs]: mean of the members' entropies; entropy_of_mean - mean_entropy is the information gain */
} segpref_query_result;

/* P = sigmoid((score[second] - score[first]) / temperature).
 *   scores [num_members, num_segments] f32 or f64       pairs [num_pairs, 2]
 * Source: Christiano et al. 2017 (arXiv:1706.03741); Houlsby et al. 2011 (arXiv:1112.5745). */
SEGPREF_C_API segpref_status segpref_query_scores(const segpref_context* context, const DLTensor* scores, const DLTensor* pairs, double temperature,
                                                  const segpref_query_result* result);

/* ---------------------------------------------------------------------------------------------------------------------
 * 11. One optimiser step over the flat parameters of all members
 */
typedef struct segpref_adamw_options {
  size_t struct_size;
  double learning_rate; /* >= 0; default 3e-4 */
  double beta1, beta2;  /* [0, 1); defaults 0.9 and 0.999 */
  double epsilon;       /* > 0, outside the root; default 1e-8 */
  double weight_decay;  /* >= 0; default 0 */
  int32_t decoupled;    /* 1: AdamW (the default); 0: Adam with coupled L2 */
  int32_t reserved;     /* 0 */
} segpref_adamw_options;

SEGPREF_C_API void segpref_adamw_options_init(segpref_adamw_options* options);

/*   parameters, first_moment, second_moment  [n] f32 or f64, read and written       gradients  [n], the same dtype
 *   step                                     1 for the first step (bias correction)   options    NULL: defaults
 * Source: Kingma and Ba 2015 (arXiv:1412.6980); Loshchilov and Hutter 2019 (arXiv:1711.05101). */
SEGPREF_C_API segpref_status segpref_adamw_step(const segpref_context* context, const DLTensor* parameters, const DLTensor* gradients,
                                                const DLTensor* first_moment, const DLTensor* second_moment, int64_t step,
                                                const segpref_adamw_options* options);

/* The same where the number of the step lies beside the parameters: read, and one more when the call is done. On a CUDA device that happens in the order of
 * the stream, so that a captured call takes the next step at every replay.
 *   step  [1] i64, read and written: 1 before the first call */
SEGPREF_C_API segpref_status segpref_adamw_counted_step(const segpref_context* context, const DLTensor* parameters, const DLTensor* gradients,
                                                        const DLTensor* first_moment, const DLTensor* second_moment, const DLTensor* step,
                                                        const segpref_adamw_options* options);

/* ---------------------------------------------------------------------------------------------------------------------
 * 12. Plans and workspaces: for callers who own their memory
 *
 * A plan is made once from capacities, a pure function of them. It says the exact workspace bytes of a run and how it will run. A batch may be
 * smaller than the capacity in every number. A run with a plan keeps its scratch in the caller's workspace (on the plan's device, 64-byte aligned, at least
 * segpref_plan_workspace_bytes long), and may be repeated with other data. A plan never changes: threads may share it, each with its own workspace.
 */
typedef struct segpref_plan segpref_plan;

typedef struct segpref_preference_capacity {
  size_t struct_size;
  int64_t num_members; /* default 1 */
  int64_t num_steps;
  int64_t num_segments;
  int64_t num_pairs;
  int64_t num_batch_pairs; /* pairs a call uses, per member; 0 (the default) means num_pairs */
  int64_t num_batch_steps; /* distinct steps that the pairs of a call cover, per member (MLP only); 0 (the default) means num_steps */
  DLDataType dtype;        /* of step rewards or linear features; of an MLP's parameters; default f32 */
  int32_t reserved;        /* 0 */
  int64_t max_segment_steps; /* no segment is longer; 0 (the default): unknown. Checked where offsets lie in host memory, relied on elsewhere */
  DLDevice device;           /* where the runs take place and the workspace lies; default kDLCPU, which {0, 0} stands for too */
} segpref_preference_capacity;

typedef struct segpref_ranking_capacity {
  size_t struct_size;
  int64_t num_members; /* default 1 */
  int64_t num_steps;
  int64_t num_segments;
  int64_t num_rankings;
  int64_t num_entries; /* of all rankings together */
  DLDataType dtype;    /* of step rewards; default f32 */
  int32_t reserved;    /* 0 */
  int64_t max_segment_steps; /* as in segpref_preference_capacity */
  DLDevice device;
} segpref_ranking_capacity;

SEGPREF_C_API void segpref_preference_capacity_init(segpref_preference_capacity* capacity);
SEGPREF_C_API void segpref_ranking_capacity_init(segpref_ranking_capacity* capacity);

/* Each makes a plan for the function of its name; *plan is NULL on failure.
 *   num_threads  of the contexts the plan will run on, at most: the workspace has a part for each */
SEGPREF_C_API segpref_status segpref_preference_loss_plan_create(const segpref_preference_capacity* capacity, segpref_plan** plan);
SEGPREF_C_API segpref_status segpref_linear_preference_loss_plan_create(const segpref_preference_capacity* capacity, int64_t feature_dim,
                                                                        segpref_plan** plan);
SEGPREF_C_API segpref_status segpref_mlp_preference_loss_plan_create(const segpref_reward_architecture* architecture,
                                                                     const segpref_preference_capacity* capacity, int32_t num_threads, int32_t compute,
                                                                     segpref_plan** plan);
SEGPREF_C_API segpref_status segpref_ranking_loss_plan_create(const segpref_ranking_capacity* capacity, segpref_plan** plan);
SEGPREF_C_API void segpref_plan_destroy(segpref_plan* plan);                    /* NULL is fine */
SEGPREF_C_API size_t segpref_plan_workspace_bytes(const segpref_plan* plan);    /* 0 for NULL */
SEGPREF_C_API const char* segpref_plan_describe(const segpref_plan* plan);      /* one sentence, lives as long as the plan; "" for NULL */

/* The functions of sections 6 to 8 with a plan and the caller's workspace. */
SEGPREF_C_API segpref_status segpref_preference_loss_planned(const segpref_context* context, const segpref_plan* plan, const DLTensor* step_rewards,
                                                             const segpref_preference_batch* batch, const segpref_preference_options* options,
                                                             const segpref_preference_result* result, const DLTensor* grad_step_rewards,
                                                             void* workspace, size_t workspace_bytes);
SEGPREF_C_API segpref_status segpref_linear_preference_loss_planned(const segpref_context* context, const segpref_plan* plan,
                                                                    const segpref_linear_head* head, const DLTensor* features,
                                                                    const segpref_preference_batch* batch, const segpref_preference_options* options,
                                                                    const segpref_preference_result* result,
                                                                    const segpref_linear_gradients* gradients, const DLTensor* step_rewards,
                                                                    void* workspace, size_t workspace_bytes);
SEGPREF_C_API segpref_status segpref_mlp_preference_loss_planned(const segpref_context* context, const segpref_plan* plan, const DLTensor* parameters,
                                                                 const segpref_features* features, const segpref_preference_batch* batch,
                                                                 const segpref_preference_options* options, const segpref_preference_result* result,
                                                                 const segpref_mlp_gradients* gradients, const segpref_dropout_state* dropout,
                                                                 const DLTensor* step_rewards, void* workspace, size_t workspace_bytes);
SEGPREF_C_API segpref_status segpref_ranking_loss_planned(const segpref_context* context, const segpref_plan* plan, const DLTensor* step_rewards,
                                                          const segpref_ranking_batch* batch, const segpref_preference_options* options,
                                                          const segpref_ranking_result* result, const DLTensor* grad_step_rewards, void* workspace,
                                                          size_t workspace_bytes);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* SEGPREF_SEGPREF_H_ */
