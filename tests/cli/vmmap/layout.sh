run vmmap --root linux-6.18 --layout 1001
run vmmap --root linux-5.10 --layout 1002
run vmmap --root future --layout 200
run vmmap --root container --layout 1
COLUMNS=80 run vmmap --root hostile --layout 100
COLUMNS=40 run vmmap --root linux-6.18 --layout 1002
LC_ALL=C run vmmap --root linux-6.18 --layout 1002
run vmmap --root linux-6.18 --layout --color always 1002
