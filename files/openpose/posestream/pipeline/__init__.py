"""The worker: frames from a topic, through the engine, to other topics.

    read → intake → decode → engine → draw → write

`intake` is the policy: all frames, or the newest of each camera. Decoding and drawing are done by
several threads each, and every step hands frames on in the order in which they came (`stages`).
What is slowest sets the pace, and what waits is in the broker: between two steps there is room for
a few frames only, and all pictures in work share one budget of memory (`admission`). A frame is
committed when its result is stored (`publishing`), or when it is skipped.
"""
