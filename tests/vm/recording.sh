#!/bin/sh
# Runs inside the virtual machine (kernels_test.py tells why): each recording leaves NAME.twofold, the recorder's words
# in NAME.words, and what the workload says of itself in NAME.truth.
set -u

# --max-overhead none: an emulated machine is slow, and what is tested is not what recording costs here.
record() {
  name=$1
  shift
  echo "recording $name"
  twofold-record --max-overhead none -o "$name.twofold" "$@" > "$name.truth" 2> "$name.words"
  echo $? > "$name.status"
}

record sleeps -- sleep_shares 2
record burns --frequency 499 -- burn_shares 2
record relay --wakers 8 -- relay 1
threads 60 > threads.truth &
record system -d 2
kill -INT $!
wait
# shellcheck disable=SC2016  # the recorded shell expands it
record execs --record exec -- sh -c '
  for i in $(seq 40); do /bin/true; done
  for i in $(seq 10); do /bin/false; done
  for i in $(seq 5); do /bin/missing; done; true'
ifconfig lo up
record syns --record tcp -- unanswered_syn 4
leaker &
leaker=$!
record user_leaks -d 3 -p $leaker --record memleak --leak-scope user --leak-sample-bytes 1
record kernel_leaks -d 3 -p $leaker --record memleak --leak-scope kernel --leak-sample-bytes 1
kill $leaker
wait
record faults --record faults --faults-period 1 -- page_faults 2000
record fault_storm --record faults -- page_faults 10000
twofold-record --check > check.words 2>&1
echo $? > check.status
# The analyzer runs here, too (kernels_test.py compares): files, child processes, tables.
for view in cpu offcpu; do twofold fold --view $view sleeps.twofold > analyzer.$view 2> analyzer.words; done
twofold table sleeps.twofold > analyzer.table 2>> analyzer.words
exit 0
