# A picture at 80 columns and less, with and without characters beyond ASCII, zoomed, and of long names.
command -v python3 >/dev/null || { echo "python3 is not installed"; exit 0; }
tree=$tmp/tree
{
	sed '/^map 7f0000000000/,$d' ../cli/vmpage/pages.txt
	cat <<'END'
map 7e0000000000-7e0000003000 r--p 00000000 08:01 12 /usr/lib/x86_64-linux-gnu/a/very/long/way/down/to/a/library/libdemonstration.so.6
map 7e0000003000-7e0000005000 r--p 00000000 08:01 13 /srv/äöü/ßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßßß
page 7e0000000000 1 present file pfn=2000
END
	sed -n '/^map 7f0000000000/,$p' ../cli/vmpage/pages.txt
} >"$tmp/pages.txt"
python3 -B ../tools/mkpagemap.py "$tmp/pages.txt" "$tree"
export COLUMNS=80
run vmpage --root "$tree" --grid 42
LC_ALL=C run vmpage --root "$tree" --grid 42
run vmpage --root "$tree" --grid --range 7f0000000000-7f0000010000 42
run vmpage --root "$tree" --grid --range 7f00002f0000-7f0000320000 42
run vmpage --root "$tree" --grid --range 1000-2000 42
COLUMNS=40 run vmpage --root "$tree" --grid --range 10000000-10040000 42
run_line 'vmpage --root $tmp/tree --grid --color always --range 10000000-10010000 42 | cat -v'
