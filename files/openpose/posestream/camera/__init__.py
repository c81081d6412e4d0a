"""The camera: pictures from a source into a topic, the newest of them, with the time of capture.

One way through: `sources` give what arrives, in a thread of its own that `watching` keeps going;
`backlog` holds it until it is decoded, and passes over what is late; `preparing` makes it the JPEG
that is asked for; `publishing` sends it, and `buffer` keeps it where the broker is away.
"""
