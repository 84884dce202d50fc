#!/bin/bash
# Completions: no syntax errors in any shell, and what bash and fish really offer.  Usage: completions.sh BIN
set -eu
PATH=$(cd "$1" && pwd):$PATH
failed=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for command in "$1"/*; do
	name=${command##*/}
	bash -n "completions/bash/$name"
	for shell in zsh fish; do
		command -v $shell >/dev/null || { echo "skip: $shell is not installed"; continue; }
		file=completions/zsh/_$name
		[ $shell = zsh ] || file=completions/fish/$name.fish
		$shell -n "$file"
	done
	# shellcheck source=/dev/null
	. "completions/bash/$name"
done

# Outside of a real completion there is nothing to set options on.
# shellcheck disable=SC2317
compopt() { :; }

# offers WORD WORD... -- WANTED...: completing the last word offers at least what is wanted.
offers() {
	local words=() wanted
	while [ "$1" != -- ]; do words+=("$1"); shift; done
	shift
	COMP_WORDS=("${words[@]}") COMP_CWORD=$((${#words[@]} - 1)) COMPREPLY=()
	"_${words[0]}"
	for wanted; do
		[[ " ${COMPREPLY[*]} " == *" $wanted "* ]] && continue
		echo "bash: '${words[*]}' should offer '$wanted', offers '${COMPREPLY[*]}'"
		failed=1
	done
}

offers vmmap --lay -- --layout
offers vmmap - -- --help --layout -J
offers vmmap -o RS -- RSS
offers vmmap -o rs -- RSS
offers vmmap -o +RSS,SWAPP -- +RSS,SWAPPSS
offers vmmap --columns = US -- USS
offers vmmap --by = -- kind file
offers vmmap --format o -- openmetrics
offers vmmap --root READ -- README.md
offers vmmap $$ -- $$
offers vmmap s -- self
offers vmtop -p $$ -- $$
offers vmtop -u ro -- root
offers vmtop -s - -- -RSS
offers vmpage --by fil -- file
offers vmpage -o +ENT -- +ENTRY
offers vmpage --via p -- pagemap page-tables
offers vmlock --ma -- --mappings
offers vmlock -o HEAD -- HEADROOM
offers vmlock $$ -- $$
offers vmlab co -- cow
offers vmlab cow --wr -- --write
offers vmlab --li -- --list

# fish LINE WANTED: what fish itself offers for a line.
fish_offers() {
	local got
	got=$(HOME=$scratch XDG_CONFIG_HOME=$scratch/config XDG_DATA_HOME=$scratch/data fish --no-config -c \
		"source completions/fish/${1%% *}.fish; complete -C '$1'" 2>/dev/null | cut -f1)
	grep -qxF -- "$2" <<<"$got" && return
	echo "fish: '$1' should offer '$2', offers '${got//$'\n'/ }'"
	failed=1
}
if command -v fish >/dev/null; then
	fish_offers 'vmmap --lay' --layout
	fish_offers 'vmmap -o RS' RSS
	fish_offers 'vmmap --by ' kind
	fish_offers 'vmlab co' cow
fi
exit $failed
