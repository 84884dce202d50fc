# A kernel thread and a zombie.
for pid in 2 1004; do
	run vmmap --root linux-6.18 "$pid"
	run vmmap --root linux-6.18 --by kind "$pid"
	run vmmap --root linux-6.18 --layout "$pid"
	run vmmap --root linux-6.18 --mm "$pid"
	run vmmap --root linux-6.18 --flags "$pid"
	run vmmap --root linux-6.18 -J "$pid"
done
