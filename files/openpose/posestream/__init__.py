"""posestream: pictures from Kafka in, the people on them out."""
