"""posestream: pictures from Kafka in, the people on them out."""

__version__ = "0.2.0"  # the one place; CHANGELOG.md has an entry for each
