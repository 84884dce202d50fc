# Columns that are all zeros stand together as one text; what a kernel doesn't tell stays unknown beside them.
run vmmap --root linux-6.18 -o START,KSM,SWAP,LAZYFREE,RSS,SWAPPSS,MAPPING 1002
run vmmap --root linux-6.18 -o KSM,SWAP 1002
run vmmap --root linux-5.10 -o START,KSM,SWAP,PSSDIRTY,LAZYFREE,MAPPING 1002
run vmmap --root linux-6.18 --filter 'KIND == heap' -o SWAP,RSS,KSM 1002
