"""The people of the keypoints topic as a file: `posestream export`."""
