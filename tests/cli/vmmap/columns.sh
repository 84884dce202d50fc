t='vmmap --root future --no-headings'
run $t -o START,SIZE,MAPPING 200
run $t -o start,size_bytes,name 200
run $t -o +VMFLAGS,-DIRTY 200
run $t -b -o SIZE,RSS,PAGE,OFFSET,DEVICE,INODE,DELETED,ELIGIBLE,PKEY 200
run vmmap --root future -o all -b 200
run vmmap --root future -s SIZE 200
run vmmap --root future -s -size_bytes 200
run vmmap --root future -s KIND -o KIND,SIZE 200
run vmmap --root future -s MAPPING -o MAPPING 200
