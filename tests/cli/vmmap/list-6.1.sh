# No KSM line: not known, which isn't 0.
run vmmap --root linux-6.1 -o ADDRESS,RSS,KSM,PSSDIRTY,KIND,MAPPING 1002
