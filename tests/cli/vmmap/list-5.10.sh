# No KSM, no Pss_Dirty; write-denied executables.
run vmmap --root linux-5.10 -o ADDRESS,RSS,KSM,PSSDIRTY,VMFLAGS,KIND,MAPPING 1002
