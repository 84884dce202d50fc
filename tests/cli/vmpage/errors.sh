# What is wrong is said in one line, with the exit status for it.
run vmpage
run vmpage nonsense
run vmpage 0
run vmpage 42 43 44 nonsense
run vmpage 4194305
run vmpage --by
run vmpage --by colour self
run vmpage --via telepathy self
run vmpage --bits nonsense self
run vmpage --bits '' self
run vmpage --bits lru=active self
run vmpage --bits uptdate self
run vmpage --range 1000 self
run vmpage --range 2000-1000 self
run vmpage --range x-y self
run vmpage --runs --grid self
run vmpage --watch --pfn 1
run vmpage --watch -c 0 self 1000
run vmpage --watch -d 0 self 1000
run vmpage --watch self 8000000000000000
run vmpage --pfn
run vmpage --pfn x
run vmpage --system 1
run vmpage --system --runs
run vmpage --system --by kind
run vmpage --system --file README
run vmpage --file
run vmpage --file "$tmp/nothing"
run vmpage --file "$tmp"
run vmpage --file README --range 0-1000
run vmpage --file linux-6.18/proc/1001/maps --root linux-6.18
run vmpage --pfn --bits lru 1
run vmpage -o NONSENSE self
run vmpage --by kind -o PFN self
run vmpage --filter 'RSS >' --by kind self
run vmpage --nonsense self
