run vmmap --root future -J 200
run vmmap --root hostile -J -o START,MAPPING 100
run vmmap --root hostile -J -o START 101 102
run vmmap --root linux-6.1 -J -o RSS,KSM,KIND,MAPPING 1002
run vmmap --root linux-6.18 -J --by kind -o RSS,SIZE 1002
run vmmap --root container -J -o START,RSS --filter 'KIND == heap' 1
run vmmap --root linux-6.18 -J --layout 1002
