#!/bin/sh
# Runs every fuzz target of the tree, or those of one directory, for a time
# (30s) or a number of executions (1000000x) each:
#
#   sh test/fuzz.sh [TIME [DIRECTORY]]
#
# Only the package itself is instrumented, and not everything that is linked
# into its test as `go test -fuzz` does: after each execution the fuzzer looks
# at all counters, so it is up to thirty times as fast. A failing input is left
# in the package's testdata/fuzz, where `go test` runs it ever after.
set -eu
time=${1:-30s}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cache=$(go env GOCACHE)/fuzz/reeve
grep -rlE '^func Fuzz' --include='*_test.go' "${2:-.}" | xargs -n1 dirname | sed 's,^\./,,' | sort -u >"$work/packages"
while read -r dir; do
	go test -c -gcflags="reeve/$dir=-d=libfuzzer" -o "$work/test" "./$dir"
	grep -hoE '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | sed 's/func //' >"$work/targets"
	while read -r target; do
		echo "== $dir $target"
		(cd "$dir" && "$work/test" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$time" \
			-test.fuzzminimizetime 10x -test.fuzzcachedir "$cache/$dir" -test.parallel "${FUZZPARALLEL:-1}" </dev/null)
	done <"$work/targets"
done <"$work/packages"
