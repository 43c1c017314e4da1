import io, zipfile, numpy as np, sys
out = sys.argv[1]
def save(name, compressed=False, **arrays):
    (np.savez_compressed if compressed else np.savez)(f"{out}/{name}.npz", **arrays)
features = np.arange(10 * 3, dtype=np.float32).reshape(10, 3) / 8
base = dict(offsets=np.array([0, 4, 4, 7, 10]), pairs=np.array([[0, 1], [2, 3], [0, 3]]), labels=np.array([0, 1, 0.5], np.float32))
save("ragged_stored", features=features, **base)
save("ragged_compressed", True, features=features, weights=np.array([1, 0, 2.5]), **base)
save("ragged_f16", features=features.astype(np.float16), **base)
save("ragged_f64", features=features.astype(np.float64), **base)
save("ragged_fortran", features=np.asfortranarray(features), offsets=base["offsets"].astype(np.int32),
     pairs=np.asfortranarray(base["pairs"].astype(np.uint8)), labels=base["labels"])
save("object_array", features=np.array([[1, "a"], [None, 2]], dtype=object), **base)
save("structured_array", features=np.zeros(3, dtype=[("x", "<f4"), ("y", "<f4")]), **base)
save("big_endian", features=features.astype(">f4"), **base)
def versioned(version):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, features, version=version)
    return buffer.getvalue()
for version in (2, 3):
    with zipfile.ZipFile(f"{out}/ragged_version{version}.npz", "w") as archive:
        archive.writestr("features.npy", versioned((version, 0)))
        for key, value in base.items():
            with archive.open(key + ".npy", "w") as member:
                np.lib.format.write_array(member, value)
