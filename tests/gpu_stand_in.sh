#!/bin/sh
# Stand-in for a host with an NVIDIA H100 and its driver, which no test machine has: what the kernel and nvidia-smi would show.
#   gpu_stand_in.sh ROOT STATE     STATE is works, mismatch, no-module, not-loaded (no-module, but there is one on disk) or absent
# ROOT is a folder, or empty for a host of the tests itself, on whose /sys and /proc it lays file systems of its own.
set -eu
root=$1 state=$2
loaded=550.163.01 library=550.163.01 status=0

if [ ! "$root" ]; then
  for folder in /sys/bus/pci/devices /proc/driver; do
    mountpoint --quiet $folder || mount -t tmpfs stand-in $folder
  done
fi

# A GPU, its neighbour, and the sound controller of a GPU, which is none.
# pci ADDRESS VENDOR CLASS DEVICE
pci() {
  folder=$root/sys/bus/pci/devices/$1
  mkdir -p "$folder"
  echo "$2" > "$folder/vendor"
  echo "$3" > "$folder/class"
  echo "$4" > "$folder/device"
}
pci 0000:01:00.0 0x10de 0x030200 0x2330
pci 0000:01:00.1 0x10de 0x040300 0x22ba
pci 0000:00:02.0 0x8086 0x030000 0x46a6

case $state in
  works)
    answer="00000000:01:00.0, NVIDIA H100 80GB HBM3"
    list="GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-5fb1a8a3-0000-0000-0000-000000000000)" ;;
  mismatch)
    library=550.999.02 status=18
    answer=$(printf 'Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 550.999')
    list=$answer ;;
  no-module | not-loaded)
    loaded="" status=9
    answer="NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running."
    list=$answer ;;
  absent) loaded="" library="" ;;
esac

rm -rf "$root/proc/driver/nvidia"
if [ "$loaded" ]; then
  mkdir -p "$root/proc/driver/nvidia"
  echo "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  $loaded  Release Build  (dvs-builder)" > "$root/proc/driver/nvidia/version"
fi

libraries=$root/usr/lib/x86_64-linux-gnu
rm -f "$libraries"/libnvidia-ml.so* "$root/usr/bin/nvidia-smi" "$root/usr/bin/modinfo"
if [ "$library" ]; then
  mkdir -p "$libraries" "$root/usr/bin"
  echo "stand-in" > "$libraries/libnvidia-ml.so.$library"
  ln -s "libnvidia-ml.so.$library" "$libraries/libnvidia-ml.so.1"
  cat > "$root/usr/bin/nvidia-smi" <<SMI
#!/bin/sh
# Stand-in: answers as NVIDIA's program does in the state "$state".
case "\$*" in
  -L) echo "$list" ;;
  *) echo "$answer" ;;
esac
exit $status
SMI
  chmod 755 "$root/usr/bin/nvidia-smi"
fi

# As kmod's program, which the hosts of the tests have not.
if [ "$state" = not-loaded ]; then
  printf '#!/bin/sh\n# Stand-in: the module for the running kernel.\necho 550.163.01\n' > "$root/usr/bin/modinfo"
  chmod 755 "$root/usr/bin/modinfo"
fi
