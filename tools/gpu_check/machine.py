"""What this machine has."""
import os
import pathlib
import shutil
import subprocess


class NoGpu(Exception):
    pass


def find_gpu():
    """The first GPU, as nvidia-smi describes it. Raises NoGpu with the reason."""
    if not shutil.which("nvidia-smi"):
        raise NoGpu("nvidia-smi is not in the PATH")
    names = ("name", "compute_cap", "driver_version", "memory.total")
    try:
        asked = subprocess.run(["nvidia-smi", f"--query-gpu={','.join(names)}", "--format=csv,noheader"], capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        raise NoGpu("nvidia-smi does not answer") from None
    rows = asked.stdout.strip().splitlines()
    values = [value.strip() for value in rows[0].split(",")] if rows else []
    if asked.returncode != 0 or len(values) != len(names):
        raise NoGpu(f"nvidia-smi says: {(asked.stdout + asked.stderr).strip() or 'nothing'}")
    return {**dict(zip(names, values)), "arch": values[1].replace(".", "")}


def compute_sanitizer():
    """Its path, or None: beside the toolkit's compiler it is not always in the PATH."""
    folders = ["/usr/local/cuda/bin", "/usr/local/cuda/compute-sanitizer"]
    return shutil.which("compute-sanitizer") or shutil.which("compute-sanitizer", path=os.pathsep.join(folders))


def environment_with(deps):
    """The environment in which unpacked Debian packages are found by CMake, pkg-config, the linker and programs."""
    environment = dict(os.environ)
    if deps is None:
        return environment
    usr = pathlib.Path(deps) / "usr"
    library = usr / "lib" / "x86_64-linux-gnu"

    def joined(name, *paths):
        return os.pathsep.join([*map(str, paths), *filter(None, [os.environ.get(name)])])

    environment["PATH"] = os.pathsep.join([os.environ["PATH"], str(usr / "bin")])  # pkg-config, where the system has none
    environment["CMAKE_PREFIX_PATH"] = joined("CMAKE_PREFIX_PATH", usr)
    environment["PKG_CONFIG_PATH"] = joined("PKG_CONFIG_PATH", library / "pkgconfig", usr / "lib" / "pkgconfig", usr / "share" / "pkgconfig")
    environment["PKG_CONFIG_SYSROOT_DIR"] = str(deps)
    environment["LD_LIBRARY_PATH"] = joined("LD_LIBRARY_PATH", library)
    return environment
