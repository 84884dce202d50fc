# Several of a captured tree: the kernel's own PSS and USS; no matrix, and why.
run vmshare --root linux-6.18 -a
run vmshare --root linux-6.18 1001 1002 -o PID,RSS,PSS,USS,SHARED,KERNELPSS -b
run vmshare --root linux-6.18 -a --csv
run vmshare --root linux-6.18 -n bash -J -o PID,PSS,ANON
