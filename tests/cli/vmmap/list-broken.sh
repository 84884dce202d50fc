# Files cut short, empty, missing, full of rubbish: what is known is shown, what isn't is said.
for pid in 300 301 302 303 304 305 306 307 308; do
	run vmmap --root broken "$pid"
done
