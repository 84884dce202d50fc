t='vmmap --root linux-6.18 --no-headings -o SIZE,RSS,KIND,MAPPING'
run $t --filter 'RSS > 1M' 1001
run $t --filter 'RSS > 1M and KIND == anon' 1001
run $t --filter 'MAPPING =~ "ld-linux" and not PERM == r--p' 1001
run $t --filter 'DELETED and not (KIND == file or KIND == memfd)' 1001
run $t --filter 'VMFLAGS == hg or VMFLAGS == lo' 1001
run $t --filter 'KSM == 0' 1004
run vmmap --root linux-6.1 --no-headings -o SIZE,KSM --filter 'KSM == 0 or KSM != 0' 1002
run vmmap --root linux-6.18 --filter 'SIZE > 1T' 1001
