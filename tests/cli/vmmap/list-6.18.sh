# A process with a mapping of each sort, as Linux 6.18 shows it.
run vmmap --root linux-6.18 1001
