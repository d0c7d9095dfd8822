#!/bin/sh
# Runs inside the virtual machine (many_cpus_test.py tells why): the load runs all the time, recordings come and go.
# `phases` notes when, in seconds since boot. Argument: tokens of the load.
set -u

note() { echo "$1 $(cut -d ' ' -f 1 /proc/uptime)" >> phases; }

# record NAME OPTIONS...: the whole machine, for 20 s.
record() {
  name=$1
  shift
  note "$name-starts"
  echo "recording $name"
  twofold-record --quiet -d 20 --max-overhead none -o "$name.twofold" "$@" || exit 1
  note "$name-ended"
  sleep 2
}

switcher 600 "$1" > load &
sleep 3
note alone
sleep 8
record default
record exact --exact --wakers 8
note alone-again
sleep 8
note end
kill %1
exit 0
