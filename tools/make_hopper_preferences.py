#!/usr/bin/env python3
"""Makes data/hopper/: preferences of a simulated teacher over segments of MuJoCo Hopper behaviour.

    pip install -r tools/requirements-hopper.txt           (in a virtual environment)
    python tools/make_hopper_preferences.py                rebuilds the data set from the committed policies
    python tools/make_hopper_preferences.py --check        rebuilds it in memory and compares hashes with SHA256SUMS
    python tools/make_hopper_preferences.py --search       searches the policies anew first (a quarter of an hour)

Behaviours come from Gymnasium's Hopper-v5, policies from a seeded random search (ARS), the true reward from dm_control's
`tolerance`, the teacher from B-Pref. What each array holds: data/hopper/README.md.

Sources: Mania et al. 2018, arXiv:1803.07055 (ARS); Tassa et al. 2018, arXiv:1801.00690 (tolerance rewards);
Lee et al. 2021, arXiv:2111.03026 (B-Pref: teachers that tie, skip and err).
"""

import argparse
import hashlib
import io
import math
import operator
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

try:
    import gymnasium
    import numpy as np
except ImportError as error:
    sys.exit(f"make_hopper_preferences: {error}; install tools/requirements-hopper.txt first")

SEED = 20240611
PINNED = {"gymnasium": "1.2.1", "mujoco": "3.3.7", "numpy": "2.3.4"}
DEFAULT_FOLDER = Path(__file__).resolve().parent.parent / "data" / "hopper"
DATA_FILE, POLICY_FILE, SUMS_FILE = "hopper-preferences.npz", "policies.npz", "SHA256SUMS"

OBS_DIM, ACTION_DIM = 11, 3

# Random streams: each use of chance has its own, so that changing one leaves the others alone.
STREAM_SEARCH, STREAM_EPISODES, STREAM_SPLIT, STREAM_PAIRS, STREAM_TEACHER = range(5)


def stream(*key):
    """A random generator for one purpose, named by integers."""
    return np.random.default_rng([SEED, *key])


# --- The true reward -------------------------------------------------------------------------------------------------

STANDING_HEIGHT, FALLEN_HEIGHT = 1.15, 0.7  # m, of the torso; Gymnasium ends the episode below 0.7
PACE, PACE_SLACK, PACE_MARGIN = 1.0, 0.25, 1.0  # m/s


def tolerance(value, lower, upper, margin):
    """1 inside [lower, upper], falling linearly to 0 at `margin` outside (dm_control's tolerance, linear, value_at_margin 0)."""
    outside = max(lower - value, value - upper, 0.0)
    return max(0.0, 1.0 - outside / margin)


def pace_reward(height, velocity):
    """The true step reward, in [0, 1]: standing upright times keeping the pace, shaped as dm_control's hopper-hop.

    height    m, of the torso after the step
    velocity  m/s, mean forward velocity over the step
    """
    standing = tolerance(height, STANDING_HEIGHT, math.inf, STANDING_HEIGHT - FALLEN_HEIGHT)
    keeping_pace = tolerance(velocity, PACE - PACE_SLACK, PACE + PACE_SLACK, PACE_MARGIN)
    return standing * keeping_pace


# --- Simulation ------------------------------------------------------------------------------------------------------

class Episode(NamedTuple):
    """One rollout of T steps."""

    features: np.ndarray  # [T, 14] f64: observation before the step, action taken
    pace_rewards: np.ndarray  # [T] f64: the true reward
    gym_rewards: np.ndarray  # [T] f64: Hopper-v5's own reward, used by half of the searches
    fell: bool  # the episode ended before its time


def make_hopper():
    """Hopper-v5 without wrappers: 11 observations, 3 torques in [-1, 1], 8 ms a step, ends when the torso falls or tilts."""
    return gymnasium.make("Hopper-v5").unwrapped


def act(policy, observation):
    """The linear policy's torques [3], clipped to [-1, 1]; policy [3][12] and observation [11] are lists of floats.

    `fsum` rounds once, so the action does not depend on the order in which some BLAS adds.
    """
    inputs = [*observation, 1.0]
    return [min(1.0, max(-1.0, math.fsum(map(operator.mul, row, inputs)))) for row in policy]


def rollout(env, policy, max_steps, rng, action_noise=0.0):
    """Runs one episode; `policy` is [3, 12] f64 (weights and bias), `action_noise` the standard deviation added to actions."""
    rows = policy.tolist()
    observation, _ = env.reset(seed=int(rng.integers(2**31)))
    features, pace_rewards, gym_rewards = [], [], []
    fell = False
    while len(features) < max_steps and not fell:
        action = act(rows, observation.tolist())
        if action_noise > 0.0:
            noise = rng.normal(0.0, action_noise, ACTION_DIM).tolist()
            action = [min(1.0, max(-1.0, a + n)) for a, n in zip(action, noise)]
        features.append([*observation.tolist(), *action])
        observation, gym_reward, fell, _, info = env.step(np.array(action))
        pace_rewards.append(pace_reward(float(observation[0]), float(info["x_velocity"])))
        gym_rewards.append(float(gym_reward))
    return Episode(np.array(features), np.array(pace_rewards), np.array(gym_rewards), bool(fell))


# --- Policy search ---------------------------------------------------------------------------------------------------

SEARCHES = ("pace", "pace", "speed", "speed")  # the objective of each: the true reward, or Hopper-v5's own (run forward)
SNAPSHOTS = (2, 8, 20, 50, 100, 200)  # iterations whose policies are kept
SEARCH_STEPS = 400
DIRECTIONS, TOP_DIRECTIONS = 16, 8
STEP_SIZE, EXPLORATION = 0.02, 0.03


def search_return(episode, objective):
    """What the search maximises; Hopper-v5's healthy bonus of 1 a step is taken off, as the ARS paper does."""
    if objective == "pace":
        return float(episode.pace_rewards.sum())
    return float(episode.gym_rewards.sum()) - len(episode.gym_rewards)


class RunningMoments:
    """Mean and standard deviation of the observations seen so far."""

    def __init__(self):
        self.count, self.total, self.squares = 0, np.zeros(OBS_DIM), np.zeros(OBS_DIM)

    def add(self, observations):
        self.count += len(observations)
        self.total += observations.sum(axis=0)
        self.squares += (observations**2).sum(axis=0)

    def fold(self, weights):
        """[3, 11] weights on standardised observations -> [3, 12] weights and bias on raw ones."""
        if self.count == 0:
            return np.hstack([weights, np.zeros((ACTION_DIM, 1))])
        mean = self.total / self.count
        std = np.sqrt(np.maximum(self.squares / self.count - mean**2, 1e-6))
        scaled = weights / std
        return np.hstack([scaled, -(scaled * mean).sum(axis=1, keepdims=True)])


def search_policies(objective, search_idx):
    """Augmented random search (ARS V2-t) of a linear policy; returns the snapshots [len(SNAPSHOTS), 3, 12] f64."""
    env, rng, moments = make_hopper(), stream(STREAM_SEARCH, search_idx), RunningMoments()
    weights, snapshots = np.zeros((ACTION_DIM, OBS_DIM)), []
    for iteration in range(1, max(SNAPSHOTS) + 1):
        directions = rng.normal(size=(DIRECTIONS, ACTION_DIM, OBS_DIM))
        returns, seen = np.zeros((DIRECTIONS, 2)), []
        for i, direction in enumerate(directions):
            for side, sign in enumerate((+1.0, -1.0)):
                episode = rollout(env, moments.fold(weights + sign * EXPLORATION * direction), SEARCH_STEPS, rng)
                returns[i, side] = search_return(episode, objective)
                seen.append(episode.features[:, :OBS_DIM])
        best = np.argsort(-returns.max(axis=1), kind="stable")[:TOP_DIRECTIONS]
        spread = max(float(returns[best].std()), 1e-6)
        gains = (returns[best, 0] - returns[best, 1])[:, None, None]
        weights = weights + STEP_SIZE / (TOP_DIRECTIONS * spread) * (gains * directions[best]).sum(axis=0)
        for observations in seen:
            moments.add(observations)
        if iteration in SNAPSHOTS:
            snapshots.append(moments.fold(weights))
        if iteration % 10 == 0:
            print(f"search {search_idx} ({objective}): iteration {iteration}, mean return {returns.mean():.1f}", flush=True)
    return np.stack(snapshots)


# --- Segments --------------------------------------------------------------------------------------------------------

SEGMENTS_PER_BEHAVIOUR, HELD_OUT_PER_BEHAVIOUR = 40, 10
EPISODE_STEPS, SEGMENT_STEPS, SHORTEST_SEGMENT = 300, 50, 10
ACTION_NOISE = (0.0, 0.1, 0.3)  # standard deviations, one an episode in turn
RANDOM_NOISE = 1.0  # of the behaviour without a policy


class Segments(NamedTuple):
    """All segments, behaviour after behaviour: segment s belongs to behaviour s // SEGMENTS_PER_BEHAVIOUR."""

    features: np.ndarray  # [N, 14] f32
    true_rewards: np.ndarray  # [N] f32
    offsets: np.ndarray  # [S + 1] i64
    fell: np.ndarray  # [S] bool: shorter than SEGMENT_STEPS because the hopper fell; the other short ones ran out of episode
    episode_returns: np.ndarray  # [S] f64: true return of the whole episode that the segment was cut from

    def returns(self):
        """True return of each segment, [S] f64."""
        sums = np.concatenate([[0.0], np.cumsum(self.true_rewards, dtype=np.float64)])
        return sums[self.offsets[1:]] - sums[self.offsets[:-1]]


def collect_segments(policies):
    """One segment from each of 40 episodes per behaviour; behaviour 0 acts at random, the others follow `policies` [K, 3, 12]."""
    env = make_hopper()
    behaviours = [np.zeros((ACTION_DIM, OBS_DIM + 1)), *policies]
    features, rewards, fell, episode_returns = [], [], [], []
    for behaviour, policy in enumerate(behaviours):
        rng = stream(STREAM_EPISODES, behaviour)
        for i in range(SEGMENTS_PER_BEHAVIOUR):
            noise = RANDOM_NOISE if behaviour == 0 else ACTION_NOISE[i % len(ACTION_NOISE)]
            episode = rollout(env, policy, EPISODE_STEPS, rng, noise)
            begin = int(rng.integers(max(1, len(episode.features) - SHORTEST_SEGMENT + 1)))
            features.append(episode.features[begin : begin + SEGMENT_STEPS].astype(np.float32))
            rewards.append(episode.pace_rewards[begin : begin + SEGMENT_STEPS].astype(np.float32))
            fell.append(episode.fell and len(rewards[-1]) < SEGMENT_STEPS)
            episode_returns.append(episode.pace_rewards.sum())
    lengths = np.array([len(rows) for rows in rewards], dtype=np.int64)
    return Segments(
        features=np.concatenate(features),
        true_rewards=np.concatenate(rewards),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        fell=np.array(fell),
        episode_returns=np.array(episode_returns),
    )


# --- Pairs -----------------------------------------------------------------------------------------------------------

TRAIN_PAIRS, HELD_OUT_PAIRS = 1100, 400
SIMILAR_SHARE = 0.5
SIMILAR_RANKS = 2  # behaviours at most so many places apart in the ranking by return count as similar


def held_out_segments(num_behaviours):
    """[S] bool: which segments are held out, the same number from every behaviour."""
    rng = stream(STREAM_SPLIT)
    held_out = np.zeros((num_behaviours, SEGMENTS_PER_BEHAVIOUR), dtype=bool)
    for row in held_out:
        row[rng.permutation(SEGMENTS_PER_BEHAVIOUR)[:HELD_OUT_PER_BEHAVIOUR]] = True
    return held_out.ravel()


def behaviour_ranks(segments):
    """[S] int: the place of the segment's behaviour in the ranking by mean true return of its episodes, 0 the worst."""
    means = segments.episode_returns.reshape(-1, SEGMENTS_PER_BEHAVIOUR).mean(axis=1)
    return np.repeat(np.argsort(np.argsort(means, kind="stable"), kind="stable"), SEGMENTS_PER_BEHAVIOUR)


def draw_pairs(candidates, ranks, num_pairs, rng):
    """[num_pairs, 2] int64 pairs of `candidates`, no two alike: half of any two segments, half of similar behaviours.

    First segments come from repeated permutations, so that every candidate stands in some pair.
    """
    firsts, pairs, drawn = [], [], set()
    while len(pairs) < num_pairs:
        if not firsts:
            firsts = rng.permutation(candidates).tolist()
        first = firsts[-1]
        partners = candidates
        if rng.random() < SIMILAR_SHARE:
            partners = candidates[np.abs(ranks[candidates] - ranks[first]) <= SIMILAR_RANKS]
        second = int(rng.choice(partners))
        key = (min(first, second), max(first, second))
        if first == second or key in drawn:
            continue
        firsts.pop()
        drawn.add(key)
        pairs.append((first, second) if rng.random() < 0.5 else (second, first))
    return np.array(pairs, dtype=np.int64)


# --- The teacher -----------------------------------------------------------------------------------------------------

EQUAL_SHARE, SKIP_SHARE, CLEAR_SHARE = 0.1, 0.1, 0.5  # thresholds as shares of the mean true return of a segment
MISTAKE_RATE = 0.1
UNAMBIGUOUS, SIMILAR, OTHER = 0, 1, 2  # pair_kind


def ask_teacher(returns, ranks, pairs):
    """Labels pairs as B-Pref's simulated teacher does, by the true returns [S] of the segments.

    skip      both returns are below SKIP_SHARE of the mean: weight 0, label 0.5
    tie       the returns are closer than EQUAL_SHARE of the mean: label 0.5
    mistake   MISTAKE_RATE of the other labels are flipped
    Returns labels, weights, clean_labels [P] f32 and pair_kind [P] u8.
    """
    first, second = returns[pairs[:, 0]], returns[pairs[:, 1]]
    mean = returns.mean()
    skip = np.maximum(first, second) < SKIP_SHARE * mean
    tie = ~skip & (np.abs(second - first) < EQUAL_SHARE * mean)
    judged = ~skip & ~tie
    mistake = judged & (stream(STREAM_TEACHER).random(len(pairs)) < MISTAKE_RATE)

    clean = np.where(judged, second > first, 0.5).astype(np.float32)
    labels = np.where(mistake, 1.0 - clean, clean).astype(np.float32)
    similar = judged & (np.abs(ranks[pairs[:, 0]] - ranks[pairs[:, 1]]) <= SIMILAR_RANKS)
    clear = judged & ~similar & (np.abs(second - first) >= CLEAR_SHARE * mean)
    kind = np.select([similar, clear], [SIMILAR, UNAMBIGUOUS], OTHER).astype(np.uint8)
    return labels, (~skip).astype(np.float32), clean, kind


# --- The data set ----------------------------------------------------------------------------------------------------

def make_data_set(policies):
    """The arrays of the data set by name, and the segments they were made from."""
    segments = collect_segments(policies)
    ranks, held_out = behaviour_ranks(segments), held_out_segments(len(policies) + 1)
    pairs = np.concatenate([
        draw_pairs(np.flatnonzero(~held_out), ranks, TRAIN_PAIRS, stream(STREAM_PAIRS, 0)),
        draw_pairs(np.flatnonzero(held_out), ranks, HELD_OUT_PAIRS, stream(STREAM_PAIRS, 1)),
    ])
    labels, weights, clean_labels, pair_kind = ask_teacher(segments.returns(), ranks, pairs)
    arrays = {
        "features": segments.features,
        "offsets": segments.offsets,
        "pairs": pairs,
        "labels": labels,
        "weights": weights,
        "true_rewards": segments.true_rewards,
        "split": np.repeat(np.array([0, 1], np.uint8), [TRAIN_PAIRS, HELD_OUT_PAIRS]),
        "pair_kind": pair_kind,
        "clean_labels": clean_labels,
    }
    return arrays, segments


def describe(arrays, segments):
    """Prints the counts that data/hopper/README.md quotes."""
    labels, weights, clean = arrays["labels"], arrays["weights"], arrays["clean_labels"]
    returns, lengths = segments.returns(), np.diff(arrays["offsets"])
    print(f"steps {len(arrays['features'])}, segments {len(lengths)}, shorter than {SEGMENT_STEPS}: {(lengths < SEGMENT_STEPS).sum()} "
          f"({segments.fell.sum()} by a fall), shortest {lengths.min()}")
    print(f"segment return: mean {returns.mean():.2f}, quartiles {np.percentile(returns, [0, 25, 50, 75, 100]).round(2).tolist()}")
    for split, name in enumerate(("train", "held-out")):
        of = arrays["split"] == split
        kinds = [int((of & (arrays["pair_kind"] == kind)).sum()) for kind in (UNAMBIGUOUS, SIMILAR, OTHER)]
        print(f"{name}: {of.sum()} pairs over {len(np.unique(arrays['pairs'][of]))} segments: skips {(of & (weights == 0)).sum()}, "
              f"ties {(of & (weights > 0) & (labels == 0.5)).sum()}, mistakes {(of & (labels != clean)).sum()}, kinds {kinds}")
    per_behaviour = segments.episode_returns.reshape(-1, SEGMENTS_PER_BEHAVIOUR)
    speeds = arrays["features"][:, 5]
    for behaviour, episode_returns in enumerate(per_behaviour):
        begin, end = arrays["offsets"][[behaviour * SEGMENTS_PER_BEHAVIOUR, (behaviour + 1) * SEGMENTS_PER_BEHAVIOUR]]
        print(f"behaviour {behaviour:2d}: episode return mean {episode_returns.mean():6.1f}, best {episode_returns.max():6.1f}, "
              f"speed mean {speeds[begin:end].mean():5.2f} m/s")


def npz_bytes(arrays):
    """The .npz file of `arrays` as bytes that depend on nothing but them: stored, not deflated, with a fixed date."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            entry = io.BytesIO()
            np.lib.format.write_array(entry, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o644 << 16  # the same on every platform
            archive.writestr(info, entry.getvalue())
    return buffer.getvalue()


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def read_sums(path):
    """SHA256SUMS as a dictionary from file name to hash."""
    if not path.exists():
        sys.exit(f"make_hopper_preferences: {path} is missing: nothing to compare with")
    return {name: digest for digest, name in (line.split() for line in path.read_text().splitlines())}


def write_atomically(path, content):
    """Writes bytes beside `path`, then renames, so that an interrupted run leaves the old file."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)


def warn_about_versions():
    """Says which packages differ from the pinned ones: the hash is promised for those only."""
    for package, pinned in PINNED.items():
        if version(package) != pinned:
            print(f"warning: {package} {version(package)} is installed, the data set was made with {pinned}: "
                  "expect another hash", file=sys.stderr)


def load_policies(path):
    """The committed policies, [K, 3, 12] f64."""
    if not path.exists():
        sys.exit(f"make_hopper_preferences: {path} is missing; --search makes it")
    with np.load(path) as archive:
        policies = archive["policies"]
    if policies.ndim != 3 or policies.shape[1:] != (ACTION_DIM, OBS_DIM + 1):
        sys.exit(f"make_hopper_preferences: {path}: policies has shape {list(policies.shape)}, expected [K, 3, 12]")
    return policies


def check(folder, rebuilt):
    """Compares the files in `folder`, and the contents rebuilt just now, by name, with SHA256SUMS; returns the exit status."""
    status = 0
    for name, expected in read_sums(folder / SUMS_FILE).items():
        path = folder / name
        digests = {"on disk": sha256(path.read_bytes()) if path.exists() else "missing"}
        if name in rebuilt:
            digests["rebuilt"] = sha256(rebuilt[name])
        for what, digest in digests.items():
            print(f"{name}, {what}: {digest} {'as committed' if digest == expected else f'DIFFERS from {expected}'}")
            status |= digest != expected
    return int(status)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, help="where the files are (default: data/hopper)")
    parser.add_argument("--search", action="store_true", help="search the policies anew instead of reading policies.npz")
    parser.add_argument("--check", action="store_true", help="write nothing; compare what is rebuilt with SHA256SUMS")
    arguments = parser.parse_args()

    warn_about_versions()
    rebuilt, policy_path = {}, arguments.folder / POLICY_FILE
    if arguments.search:
        policies = np.concatenate([search_policies(objective, i) for i, objective in enumerate(SEARCHES)])
        rebuilt[POLICY_FILE] = npz_bytes({"policies": policies})
    else:
        policies = load_policies(policy_path)
    arrays, segments = make_data_set(policies)
    rebuilt[DATA_FILE] = npz_bytes(arrays)
    describe(arrays, segments)
    if arguments.check:
        return check(arguments.folder, rebuilt)

    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name, content in rebuilt.items():
        write_atomically(arguments.folder / name, content)
    files = (arguments.folder / name for name in (DATA_FILE, POLICY_FILE))
    sums = "".join(f"{sha256(path.read_bytes())}  {path.name}\n" for path in files)
    write_atomically(arguments.folder / SUMS_FILE, sums.encode())
    print(sums, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
