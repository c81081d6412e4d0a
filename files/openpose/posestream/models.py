"""OpenPose's trained networks: files that are neither ours nor in any image, and how to know them.

Deployment and engine both read this table; nothing else stands here, and nothing is imported.
"""

# Path in OpenPose's folder models/ → MD5, as OpenPose's own CMakeLists.txt has it, and the length
# in bytes where it is known.
MODELS: dict[str, tuple[str, int | None]] = {
    "pose/body_25/pose_iter_584000.caffemodel": ("78287b57cf85fa89c03f1393d368e5b7", 104_715_850),
    "pose/coco/pose_iter_440000.caffemodel": ("5156d31f670511fce9b4e28b403f2939", None),
    "pose/mpi/pose_iter_160000.caffemodel": ("2ca0990c7562bd7ae03f3f54afa96e00", None),
    "face/pose_iter_116000.caffemodel": ("e747180d728fa4e4418c465828384333", None),
    "hand/pose_iter_102000.caffemodel": ("a82cfc3fea7c62f159e11bd3674c1531", None),
}
