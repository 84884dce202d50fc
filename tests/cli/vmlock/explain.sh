# What mlock(2) would say, and what would help: each test of the kernel's, passed and failed.
run vmlock --root locks --explain 1M 400
run vmlock --root locks --explain 16M 400
run vmlock --root locks --explain 6656K 400
run vmlock --root locks --explain 4M 401
run vmlock --root locks --explain 1M 402
run vmlock --root locks --explain 4K 403
run vmlock --root locks --explain 4K 404
run vmlock --root locks --explain 1M 405
run vmlock --root locks --explain 9M 406
run vmlock --root locks --explain 8K -p 407
run vmlock --root locks --explain 30G 401
run vmlock --root locks --explain 30G --onfault 401
run vmlock --root locks --explain 0 403
# A range that is there.
run vmlock --root locks --explain 1088K -a 10000000 400
run vmlock --root locks --explain 2M -a 0x10000000 400
run vmlock --root locks --explain 16K -a 20004000 400
run vmlock --root locks --explain 64K -a 30000000 400
run vmlock --root locks --explain 64K -a 30000000 --onfault 400
run vmlock --root locks --explain 2M -a 40000000 400
run vmlock --root locks --explain 64K -a 50000000 400
run vmlock --root locks --explain 16K -a 10004000 404
run vmlock --root locks --explain 64K -a 10000000 404
run vmlock --root container --explain 1M -a 7f0000000000 1
# mlockall(2), several processes, JSON.
run vmlock --root locks --explain current 400
run vmlock --root locks --explain current 402
run vmlock --root locks --explain future 400 403
run vmlock --root locks --explain 16M -J 400
