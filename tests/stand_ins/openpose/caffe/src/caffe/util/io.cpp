// Stands in for where Caffe limits what protobuf reads, as protobuf before 3.21 takes it. Not compiled.
void read(Stream* stream) {
  stream->SetTotalBytesLimit(kLimit, 536870912);
}
