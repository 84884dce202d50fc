# What a recording holds, whole and damaged; the recordings are made by docs/recording.md alone.
mkrec=$PWD/../tools/mkrec.py
cp -r locks "$tmp/later"
chmod -R u+w "$tmp/later"
rm -r "$tmp/later/proc/408"
python3 "$mkrec" "$tmp/whole" 0=locks 60="$tmp/later" 120=locks
run vmrec --info "$tmp/whole"
run vmrec --info "$tmp/whole" -J
python3 "$mkrec" --no-index "$tmp/open" 0=locks 60="$tmp/later"
run vmrec --info "$tmp/open"
python3 "$mkrec" --no-index --cut 100 "$tmp/torn" 0=locks 60=numa2 120="$tmp/later"
run vmrec --info "$tmp/torn"
python3 "$mkrec" --flip 20000 "$tmp/flipped" 0=locks 60="$tmp/later"
run vmrec --info "$tmp/flipped"
