#!/bin/bash
# vmtop on a real terminal, through tmux: sizes, keys, resizing, stopping, crashing.  e2e.sh BINDIR
# Nothing here waits for a time: every step polls until the screen or the process is as it should be.
set -u
bin=$(cd "${1:?directory of the commands}" && pwd)
command -v tmux >/dev/null || { echo "tmux is missing: screens can't be driven"; exit 77; }
[ -x "$bin/vmtop" ] || { echo "vmtop isn't built"; exit 77; }
tmp=$(mktemp -d)
sock=$tmp/tmux
T() { env -u TMUX tmux -S "$sock" -f /dev/null "$@"; }
trap 'T kill-server 2>/dev/null; rm -rf "$tmp"' EXIT
export LC_ALL=C.UTF-8 NO_COLOR=1

fail() {
	echo "FAILED: $1"
	T capture-pane -p -t 0 2>/dev/null
	exit 1
}
screen() { T capture-pane -p -t 0; }
# until_true SECONDS COMMAND...: poll; the machine may be slow, so seconds are generous.
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}
shows() { screen | grep -qE -- "$1"; }
see() { until_true 30 shows "$1" || fail "never saw: $1 ($2)"; }
hides() { ! shows "$1"; }
gone() { until_true 30 hides "$1" || fail "still there: $1 ($2)"; }
keys() { T send-keys -t 0 "$@"; }
run() { keys -l "$1" && keys Enter; }
shell=
vmtop_pid() { tr -d ' ' 2>/dev/null <"/proc/$shell/task/$shell/children"; }
has_ended() { [ -z "$(vmtop_pid)" ]; }

# tmux resizes the terminal a moment after its window.
has_size() { [ "$(stty size <"$(T list-panes -t 0 -F '#{pane_tty}')")" = "$1" ]; }

start() {
	T new-session -d -x "$1" -y "$2" "env PS1='ready> ' bash --norc --noprofile" || fail "tmux doesn't start"
	shell=$(T list-panes -t 0 -F '#{pane_pid}')
	see 'ready>' "shell"
	run "ulimit -c 0; stty -a >$tmp/tty.before; clear; echo marker-one"
	see '^marker-one' "shell works"
}
same_tty() {
	run "stty -a >$tmp/tty.after; echo stty-done"
	see '^stty-done' "$1"
	cmp -s "$tmp/tty.before" "$tmp/tty.after" || fail "terminal modes differ after $1"
	run "clear"
	gone 'stty-done' "clear"
}

start 80 24
run "$bin/vmtop -d 0.2"
see 'PID +USER' "headings at 80x24"
see '^ *Mem\[|^Mem\[' "meters"
see 'F1Help' "footer"
[ "$(screen | wc -l)" -le 24 ] || fail "more lines than the terminal has"

# Keys: help and back, filter, a process, its mappings, back.
keys h; see 'Help: keys and columns' "help"
keys q; see 'F1Help' "back from help"
keys m; see 'unexplained' "the machine"; see 'FIGURE +NOW' "its figures"
keys q; see 'PID +USER' "back from the machine"
keys F4; keys -l "PID == $shell"; see "Filter: PID == $shell" "prompt"
keys Enter; see "1 of [0-9]+ processes  filter: PID == $shell" "filter is on"
keys Enter; see 'Overview' "process"; see 'Address space' "overview"
keys Tab; see 'START +SIZE' "mappings"; see 'bin/bash' "names of mappings"
keys Enter; see 'VMFLAGS|Mapping' "a mapping"
keys q

# Its pages: a grid, closer, other colours, one page; then its faults and translations, for which nothing is left behind.
keys 3; see 'by state +a cell is' "pages"; see 'gap of' "gaps between mappings"
keys +; see 'lines [0-9]+-[0-9]+ of' "closer"
keys c; see 'by present' "other colours"
keys Enter; see 'Page at [0-9a-f]+ of process' "one page"; see 'PGD +[0-9]+' "its way through the page tables"
watches() { find "/proc/$(vmtop_pid)/fd" -lname 'anon_inode:*perf*' | grep -q .; }
watches_not() { ! watches; }
keys q; keys 4; see 'by (ebpf|perf|counters); costs it' "page faults are watched, by what, and for how much"
shows 'by counters;' || watches || fail "faults are watched without an event"
keys 5; see 'Counted|Estimates' "translations"; see 'Resident' "what there is to translate"
keys 1; see 'Address space' "overview again"
until_true 10 watches_not || fail "something is still watched: $(ls -l "/proc/$(vmtop_pid)/fd")"
keys q; see 'PID +USER' "back in the list"

# Resize while it runs: larger, tiny, back.
T resize-window -t 0 -x 160 -y 50; see 'kernel [0-9]+, running' "wide meters"
T resize-window -t 0 -x 18 -y 4; see 'too small' "tiny"
for i in $(seq 40); do
	T resize-window -t 0 -x $((10 + i * 37 % 190)) -y $((3 + i * 23 % 60))
done
T resize-window -t 0 -x 80 -y 24; until_true 30 has_size "24 80" || fail "tmux doesn't resize"
see 'F1Help' "80x24 again"

# Stop and continue.
keys C-z; see 'Stopped' "SIGTSTP gives the shell back"
same_tty "SIGTSTP"
run fg; see 'F1Help' "fg draws again"
keys q; until_true 30 has_ended || fail "still running after q"
see 'ready>' "the shell's screen comes back"
same_tty "q"

# However it ends, the terminal comes back and the status says what happened.
for pair in SEGV:139 ABRT:134 BUS:135 TERM:143 HUP:129; do
	sig=${pair%:*}
	run "clear; $bin/vmtop; echo status=\$?"
	see 'F1Help' "running before $sig"
	kill "-$sig" "$(vmtop_pid)" || fail "no process for $sig"
	see "status=${pair#*:}" "status after $sig"
	hides 'F1Help' || fail "screen remains after $sig"
	same_tty "$sig"
done

# A terminal that can't place text: a table instead.
run "clear; TERM=dumb $bin/vmtop -p \$\$ -o PID,COMM; echo dumb=\$?"
see 'dumb=0' "dumb terminal"
see 'bash' "table on a dumb terminal"

# The terminal goes away.
run "clear; $bin/vmtop"
see 'F1Help' "running before the terminal goes"
pid=$(vmtop_pid)
T kill-server
until_true 30 test ! -d "/proc/$pid" || { kill -9 "$pid"; echo "FAILED: runs on without a terminal"; exit 1; }
echo "all steps passed"
