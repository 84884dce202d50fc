# Keys and flags that nobody knows yet; addresses of 57 bits.
run vmmap --root future 200
run vmmap --root future -o ADDRESS,START,END,VMFLAGS,MAPPING 200
