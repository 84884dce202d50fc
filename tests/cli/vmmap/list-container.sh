# No smaps: the layout remains, and one line says what is missing.
run vmmap --root container 1
run vmmap --root container --strict -o ADDRESS,PERM,MAPPING --filter 'KIND == heap' 1
run vmmap --root container --strict -o ADDRESS,RSS --filter 'KIND == heap' 1
