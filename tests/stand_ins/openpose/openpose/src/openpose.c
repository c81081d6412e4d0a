/* Stands in for OpenPose's library: needs Caffe's, as the real one does. */
int caffe_stand_in(void);

int openpose_stand_in(void) { return caffe_stand_in(); }
