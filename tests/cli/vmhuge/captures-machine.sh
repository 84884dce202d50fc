# The machine, of captures: what sysfs tells is unknown, what meminfo and vmstat tell is shown.
run vmhuge --root linux-6.18
run vmhuge --root linux-6.18 -b --top 0
run vmhuge --root linux-6.18 --csv
run vmhuge --root linux-5.10
run vmhuge --root hostile
run vmhuge --root linux-6.18 -o all -J
