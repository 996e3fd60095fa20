#!/bin/sh
# check.sh: everything that must hold before a change lands.
#
#	./check.sh            all steps, in the order of the table at the end
#	./check.sh STEP...    these steps only; T=SECONDS for each fuzz target
#
# It needs sh, git and Go. The other tools it installs by apt-get when it runs
# as root on Debian; elsewhere it names what is missing. The namespace suite
# needs root. Captures by others are read from $MPSTACK_CORPUS. With CI=true
# nothing may be left out: a missing corpus, tool or privilege, or a skipped
# test, is a failure.
#
# Status: 0 all good; 1 something failed; 2 usage; 3 a tool or privilege is
# missing. $MPSTACK_COUNTS, where set, names a file to which "PASSED FAILED"
# is written: tests, and steps that failed without one.

# shellcheck disable=SC2086 # $packages and $all hold several words
set -eu

LC_ALL=C
GOWORK=off
PATH=$PATH:/usr/local/go/bin:/usr/sbin:/sbin # where ip, ethtool and tcpdump are for ordinary users
export LC_ALL GOWORK PATH

CDPATH='' cd -- "$(dirname -- "$0")"

module=$(sed -n 's/^module //p' go.mod)
packages=./... # which does not list the testdata package
! ls testdata/*.go >/dev/null 2>&1 || packages='./... ./testdata'
staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.7.0
fuzz_budget=240 # seconds for all targets together, building included
fuzz_floor=2    # seconds a target gets at least
ci=${CI:-}

tmp=$(mktemp -d "${TMPDIR:-/tmp}/mpstack-check.XXXXXX")
policy= # the policy-rc.d that we made, to be removed
cleanup() {
	rm -rf "$tmp"
	[ -z "$policy" ] || rm -f "$policy"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

say() { printf 'check.sh: %s\n' "$*"; }
now() { date +%s; }

# ---- tools -----------------------------------------------------------------

# lacking prints the Debian packages that are missing. The headers count as
# missing when a program that needs them does not compile.
lacking() {
	for pair in make:make gcc:gcc tshark:tshark tcpdump:tcpdump ip:iproute2 ethtool:ethtool; do
		command -v "${pair%%:*}" >/dev/null 2>&1 || printf '%s ' "${pair#*:}"
	done
	printf '#include <stdlib.h>\nint main(void) { return 0; }\n' >"$tmp/probe.c"
	gcc -fsyntax-only "$tmp/probe.c" 2>/dev/null || printf 'libc6-dev '
}

# apt_install installs packages without questions and without starting
# services; its output goes to the caller.
apt_install() {
	DEBIAN_FRONTEND=noninteractive
	export DEBIAN_FRONTEND
	if ! [ -e /usr/sbin/policy-rc.d ]; then
		policy=/usr/sbin/policy-rc.d
		printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy || return 1
	fi
	apt-get -q update || return 1
	echo 'wireshark-common wireshark-common/install-setuid boolean false' | debconf-set-selections || return 1
	apt-get -q -y --no-install-recommends -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 install "$@" </dev/null
}

# need installs the Debian packages that $1 names, or ends with status 3.
need() {
	[ -n "$1" ] || return 0
	if ! [ -e /etc/debian_version ] || ! command -v apt-get >/dev/null 2>&1; then
		say "lacks what Debian calls $1: install it and run again"
		exit 3
	fi
	if [ "$(id -u)" -ne 0 ]; then
		say "lacks $1: sudo apt-get install --no-install-recommends $1"
		exit 3
	fi
	say "lacks $1: installing by apt-get"
	if ! apt_install $1 >"$tmp/log" 2>&1; then
		cat "$tmp/log"
		say "apt-get could not install $1"
		exit 3
	fi
}

tools() {
	if ! go list -m >/dev/null 2>&1; then # no Go, or one that cannot read go.mod
		say "needs Go $(sed -n 's/^go //p' go.mod) or later: https://go.dev/dl"
		exit 3
	fi
	lack=$(lacking)
	need "${lack% }"
	lack=$(lacking)
	if [ -n "$lack" ]; then
		say "lacks ${lack% } even after installing"
		exit 3
	fi
}

# qemu is for make nightly, which runs the goldens as arm64 programs.
qemu() { command -v qemu-aarch64 >/dev/null 2>&1 || need qemu-user; }

# ---- steps -----------------------------------------------------------------
# Each is a function that prints what is wrong and returns non-zero. It may set
# note, which stands behind the step's "ok". A step that counted its own
# failures sets counted.

passed=0
failed=0
bad=   # names of the steps that failed
unrun= # why the status is 3 though nothing failed
steps=0

step() { # NAME TITLE FUNCTION
	steps=$((steps + 1))
	printf '== %-52s ' "$2"
	note='' counted=''
	began=$(now)
	if "$3" >"$tmp/log" 2>&1; then
		printf 'ok %4d s%s\n' $(($(now) - began)) "${note:+  $note}"
	else
		printf 'FAILED %d s%s\n' $(($(now) - began)) "${note:+  $note}"
		sed 's/^/   /' "$tmp/log"
		bad="$bad $1"
		[ -n "$counted" ] || failed=$((failed + 1))
	fi
	[ ! -s "$tmp/notes" ] || sed 's/^/   /' "$tmp/notes"
	rm -f "$tmp/notes"
}

format() {
	gofmt -l . >"$tmp/unformatted" || return 1
	[ -s "$tmp/unformatted" ] || return 0
	echo 'not formatted (gofmt -w mends it):'
	cat "$tmp/unformatted"
	return 1
}

vet() { go vet $packages && go vet -tags netns $packages; }

lint() { go run "$staticcheck" $packages && go run "$staticcheck" -tags netns $packages; }

tidy() { go mod tidy -diff; }
verify() { go mod verify; }

build() {
	for arch in amd64 arm64; do
		echo "linux/$arch:"
		CGO_ENABLED=0 GOOS=linux GOARCH=$arch go build -buildvcs=false $packages || return 1
	done
	echo 'tests for linux/arm64:'
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go vet -tags netns $packages
}

layering() { go test -count=1 -vet=off ./internal/layering; }

tests() {
	status=0
	go test -json -race -shuffle=on -count=1 -vet=off -timeout=8m $packages >"$tmp/events" 2>"$tmp/stderr" || status=$?
	digest "$status"
}

bench() {
	status=0
	go test -json -run=Alloc -bench=. -benchtime=1x -count=1 -vet=off $packages >"$tmp/events" 2>"$tmp/stderr" || status=$?
	digest "$status"
}

# digest reads go test's events in $tmp/events, prints the output of what
# failed, and counts. $1 is the status of the command that wrote them.
digest() {
	: >"$tmp/unrun"
	: >>"$tmp/passes"
	awk -v dir="$tmp" '
		# value returns the string of a field of the event. A quote inside
		# a string is escaped, so "name":" can stand nowhere else.
		function value(name,    at, s) {
			at = index($0, "\"" name "\":\"")
			if (!at) return ""
			s = substr($0, at + length(name) + 4)
			match(s, /^([^"\\]|\\.)*/)
			s = substr(s, 1, RLENGTH)
			gsub(/\\\\/, "\001", s)
			gsub(/\\n/, "\n", s); gsub(/\\t/, "\t", s); gsub(/\\"/, "\"", s)
			gsub(/\\u003c/, "<", s); gsub(/\\u003e/, ">", s); gsub(/\\u0026/, "\\&", s)
			gsub(/\001/, "\\", s)
			return s
		}
		# reason returns what a skipped test said of itself.
		function reason(s) {
			gsub(/(^|\n)--- [^\n]*/, "", s)
			sub(/^[ \n]*([A-Za-z0-9_]+\.go:[0-9]+: )?/, "", s)
			sub(/\n.*/, "", s)
			return "skipped: " (s == "" ? "no reason given" : s)
		}
		!/^{/ { print; next }
		{
			action = value("Action"); pkg = value("Package"); test = value("Test"); key = pkg SUBSEP test
		}
		action == "build-output" { printf "%s", value("Output") }
		action == "output" {
			s = value("Output")
			if (s !~ /^=== /) out[key] = out[key] s
			if (s ~ /MPSTACK_CORPUS is not set|not run: /) {
				sub(/^ *([A-Za-z0-9_]+\.go:[0-9]+: )?/, "", s)
				sub(/\n$/, "", s)
				unrun[s]++
			}
		}
		action == "pass" && test != "" { passed++; print pkg " " test >>(dir "/passes"); delete out[key] }
		action == "skip" && test != "" { skipped++; unrun[reason(out[key])]++; delete out[key] }
		action == "fail" && test != "" {
			failed++; broken[pkg] = 1
			printf "--- %s: %s\n%s", pkg, test, out[key]
			delete out[key]
		}
		action == "fail" && test == "" {
			# What did not end: a panic, a data race at exit, the time limit.
			for (k in out) {
				split(k, part, SUBSEP)
				if (part[1] == pkg && part[2] != "" && out[k] !~ / ns\/op/) printf "--- %s: %s did not end\n%s", pkg, part[2], out[k]
			}
			printf "%s", out[pkg, ""]
			if (!(pkg in broken)) failed++
		}
		END {
			for (s in unrun) printf "%d x %s\n", unrun[s], s >(dir "/unrun")
			print passed + 0, failed + 0, skipped + 0 >(dir "/counts")
		}
	' "$tmp/events" || return 1
	read -r p f s <"$tmp/counts"
	if [ "$1" -ne 0 ]; then
		cat "$tmp/stderr"
		[ "$f" -gt 0 ] || f=1
	fi
	note="$p passed"
	[ "$f" -eq 0 ] || note="$note, $f failed"
	[ "$s" -eq 0 ] || note="$note, $s skipped"
	if [ -s "$tmp/unrun" ] && [ "$ci" = true ]; then
		echo 'left out, which CI does not allow:'
		cat "$tmp/unrun"
		f=$((f + (s > 0 ? s : 1)))
	elif [ -s "$tmp/unrun" ]; then
		cat "$tmp/unrun" >"$tmp/notes"
	fi
	passed=$((passed + p))
	failed=$((failed + f))
	counted=yes
	[ "$f" -eq 0 ]
}

# ---- fuzzing ---------------------------------------------------------------

# test_files prints the files whose tests belong to ./... and ./testdata.
test_files() { find . -name '.?*' -prune -o -name '_*' -prune -o -type f -name '*_test.go' -print; }

# fuzz_targets prints "FOLDER TARGET" for every fuzz target.
fuzz_targets() {
	test_files | while read -r file; do
		sed -n "s|^func \(Fuzz[A-Za-z0-9_]*\)(.*|${file%/*} \1|p" "$file"
	done | sort
}

# fuzz gives every target its share of what is left of the budget, or $T.
fuzz() {
	fuzz_targets >"$tmp/targets"
	left=$(wc -l <"$tmp/targets")
	if [ "$left" -eq 0 ]; then
		echo 'no fuzz target found'
		return 1
	fi
	note="$((left)) targets"
	end=$(($(now) + fuzz_budget))
	cache=$(go env GOCACHE)/fuzz/$module
	at='' crashed=0 least=''
	while read -r dir target; do
		if [ "$dir" != "$at" ]; then
			at=$dir
			rm -f "$tmp/fuzz.test"
			go test -c -fuzz=. -vet=off -o "$tmp/fuzz.test" "$dir" # without it, each of its targets fails
		fi
		share=$(((end - $(now)) / left))
		[ "$share" -ge $fuzz_floor ] || share=$fuzz_floor
		[ -z "${T:-}" ] || share=$T
		[ -n "$least" ] && [ "$least" -le "$share" ] || least=$share
		left=$((left - 1))
		result=0
		attempt || result=$?
		for longer in 8 16; do # or the machine was busy: again, for longer
			[ "$result" -eq 2 ] || break
			result=0 share=$longer
			attempt || result=$?
		done
		if [ "$result" -eq 0 ]; then
			passed=$((passed + 1))
			continue
		fi
		echo "--- $dir $target"
		cat "$tmp/fuzzlog"
		[ "$result" -ne 2 ] || echo 'an input hangs: three times, a worker had to be killed when its time was up'
		crashed=$((crashed + 1))
	done <"$tmp/targets"
	note="$note, $least s or more each"
	failed=$((failed + crashed))
	counted=yes
	[ "$crashed" -eq 0 ]
}

# attempt fuzzes once: 1 is a failure, 2 an end so late that a worker must have
# hung, which Go passes over in silence.
attempt() {
	start=$(now)
	fuzz_one >"$tmp/fuzzlog" 2>&1 || timed_out || return 1
	[ $(($(now) - start)) -lt $((share + 2)) ] || return 2
}

# fuzz_one fuzzes $target of $dir for $share seconds. A crasher stays in the
# package's testdata/fuzz.
fuzz_one() {
	(
		cd "$dir" && timeout -k 10 $((share + 120)) "$tmp/fuzz.test" -test.run='^$' -test.fuzz="^$target\$" \
			-test.fuzztime="${share}s" -test.fuzzminimizetime=1s -test.parallel=2 -test.fuzzcachedir="$cache/${dir#./}" -test.timeout=0 </dev/null
	)
}

# timed_out reports whether $target failed of nothing but that its time was up,
# as Go before 1.27 now and then does (go.dev/issue/75804). What is found
# leaves a failing input, and what hangs says so.
timed_out() {
	grep -qx '    context deadline exceeded' "$tmp/fuzzlog" &&
		! grep -Eq 'Failing input|fuzzing process (hung|terminated)|panic:' "$tmp/fuzzlog"
}

# ---- the namespace suite ---------------------------------------------------

# tagged prints the test files with the build tag netns.
tagged() {
	test_files | while read -r file; do
		! sed -n '/^package/q; /^\/\/go:build/p' "$file" | grep -Eq '(^|[^!A-Za-z0-9_])netns([^A-Za-z0-9_]|$)' || echo "$file"
	done
}

# namespaces runs the tests of the tagged files, from compiled binaries.
namespaces() {
	tagged >"$tmp/tagged"
	sed 's|/[^/]*$||' "$tmp/tagged" | sort -u >"$tmp/dirs"
	if ! [ -s "$tmp/dirs" ]; then
		echo 'no test file has the build tag netns'
		return 1
	fi
	: >"$tmp/events"
	: >"$tmp/stderr"
	status=0
	while read -r dir; do
		names=$(grep -h "^$dir/[^/]*\$" "$tmp/tagged" | xargs sed -n 's/^func \(\(Test\|Example\)[A-Za-z0-9_]*\)(.*/\1/p' |
			grep -v '^TestMain$' | tr '\n' '|')
		[ -n "$names" ] || continue
		pkg=$module/${dir#./}
		if ! go test -race -tags netns -vet=off -c -o "$tmp/netns.test" "$dir" 2>>"$tmp/stderr"; then
			status=1
			continue
		fi
		(
			cd "$dir" && timeout -k 10 300 go tool test2json -t -p "$pkg" "$tmp/netns.test" \
				-test.v=test2json -test.shuffle=on -test.timeout=240s -test.run="^(${names%|})\$" </dev/null
		) >>"$tmp/events" 2>>"$tmp/stderr" || status=1
	done <"$tmp/dirs"
	digest "$status"
}

netns() {
	if [ "$(id -u)" -eq 0 ]; then
		step netns 'namespace suite (root, build tag netns)' namespaces
		return
	fi
	# shellcheck disable=SC2016 # for the reader's own shell
	unrun='sudo env "PATH=$PATH" ./check.sh netns'
	printf '== %-52s not run: needs root\n' 'namespace suite'
	if [ "$ci" = true ]; then
		bad="$bad netns"
		failed=$((failed + 1))
	fi
}

# ---- goldens ---------------------------------------------------------------

# goldens asks that every golden capture was judged by tshark: that the test
# which MANIFEST names for it passed in this run, and that the tests of its
# package call the judge.
goldens() {
	count=0 wrong=0
	for golden in testdata/pcaps/*.pcap testdata/pcaps/*.pcapng; do
		[ -e "$golden" ] || continue
		count=$((count + 1))
		user=$(awk -F '\t' -v file="${golden##*/}" '$1 == file { print $4 }' testdata/pcaps/MANIFEST)
		if [ -z "$user" ]; then
			echo "$golden: MANIFEST names no test for it"
		elif ! grep -qxF "$module/$user" "$tmp/passes"; then
			echo "$golden: $user did not pass, or did not run"
		elif ! grep -qE 'capturetest\.(MustPass|Judge)\(' "${user%% *}"/*_test.go; then
			echo "$golden: the tests of ${user%% *} have no tshark judge it"
		else
			continue
		fi
		wrong=$((wrong + 1))
	done
	note="$count goldens"
	if [ "$count" -eq 0 ]; then
		echo 'testdata/pcaps holds no golden'
		return 1
	fi
	[ "$wrong" -eq 0 ]
}

corpus() {
	[ -d "${MPSTACK_CORPUS:-}" ] && return
	echo "MPSTACK_CORPUS (${MPSTACK_CORPUS:-not set}) is not a folder: captures by others would not be read"
	return 1
}

# ---- the run ---------------------------------------------------------------

all='tools format vet lint modules build layering test fuzz netns goldens bench'

run() {
	case $1 in
	tools)
		began=$(now)
		tools
		printf '== %-52s ok %4d s\n' 'tools' $(($(now) - began))
		;;
	format) step format 'gofmt' format ;;
	vet) step vet 'go vet, also with the tag netns' vet ;;
	lint) step lint 'staticcheck, also with the tag netns' lint ;;
	modules)
		step modules 'go mod tidy -diff' tidy
		step modules 'go mod verify' verify
		;;
	build) step build 'builds without cgo: linux/amd64, linux/arm64' build ;;
	layering) step layering 'layering test' layering ;;
	test) step test 'go test -race -shuffle=on' tests ;;
	fuzz) step fuzz "fuzzing: ${T:-$fuzz_budget} s ${T:+a target}" fuzz ;;
	netns) netns ;;
	goldens) step goldens "tshark's judgement of every golden" goldens ;;
	bench) step bench 'every benchmark once, allocation gates without -race' bench ;;
	qemu) qemu ;;
	*)
		say "no step $1; there are: $all"
		exit 2
		;;
	esac
}

begin=$(now)
: >"$tmp/passes"
[ "$ci" != true ] || step corpus 'captures by others' corpus
[ $# -gt 0 ] || set -- $all
for name; do run "$name"; done

[ -z "${MPSTACK_COUNTS:-}" ] || echo "$passed $failed" >"$MPSTACK_COUNTS"
summary="$steps steps, $passed tests passed, $failed failed, $(($(now) - begin)) s"
if [ -n "$bad" ]; then
	say "FAILED:$bad ($summary)"
	exit 1
fi
if [ -n "$unrun" ]; then
	say "good so far ($summary); the namespace suite needs root: $unrun"
	exit 3
fi
say "all good ($summary)"
