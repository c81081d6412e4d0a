"""OpenPose's networks: what they are, how their weights are read, and one graph to run them by.

`architectures` says what layers they have, `weights` (by `caffemodel`) reads their trained numbers,
`graph` makes of both an ONNX model from pixels to peaks, and `picture` makes a frame its input.
Which runtime runs it is an engine's business.
"""
