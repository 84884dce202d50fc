# Names that try to break the table, the terminal and the parser.
run vmmap --root hostile 100
run vmmap --root hostile -o MAPPING --filter 'SIZE < 100K' 100 101 102
COLUMNS=60 run vmmap --root hostile --no-headings -o SIZE,MAPPING,PERM 100
