/* Stands in for Caffe's library: needs one of the distribution's, as the real one does. */
#include <zlib.h>

int caffe_stand_in(void) { return zlibVersion()[0] != 0; }
