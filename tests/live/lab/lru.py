"""TLBs by simulation, for the closed forms that vmlab's workloads of translation state.

Two levels of sets that replace the least recently used entry; what the first one doesn't hold is looked for in the second.
"""

MASK = (1 << 64) - 1


class Level:
    def __init__(self, shape):
        sets, ways = shape.rstrip("h").split("x")
        self.n, self.ways, self.hashed = int(sets), int(ways), shape.endswith("h")
        self.sets = [[] for _ in range(self.n)]
        self.misses = 0

    def has(self, page):
        """An access: was it there?  It is now."""
        other = page // self.n if self.hashed else 0
        entries = self.sets[(page ^ other) % self.n]
        found = page in entries
        if found:
            entries.remove(page)
        elif len(entries) == self.ways:
            entries.pop(0)
        entries.append(page)
        self.misses += not found
        return found


class Tlb:
    def __init__(self, l1, stlb, page_bytes):
        self.l1, self.stlb, self.page_bytes = Level(l1), Level(stlb), page_bytes

    def run(self, addresses):
        """Misses of both levels for these accesses."""
        before = self.l1.misses, self.stlb.misses
        for a in addresses:
            if not self.l1.has(a // self.page_bytes):
                self.stlb.has(a // self.page_bytes)
        return self.l1.misses - before[0], self.stlb.misses - before[1]


class Random:
    """splitmix64, as in src/workloads/tlbmemory.h."""

    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state + 0x9e3779b97f4a7c15) & MASK
        z = self.state
        z = ((z ^ z >> 30) * 0xbf58476d1ce4e5b9) & MASK
        z = ((z ^ z >> 27) * 0x94d049bb133111eb) & MASK
        z ^= z >> 31
        return ((z >> 32) * n) >> 32


def mixed(n, seed):
    """The order of a chain of n pages."""
    order, rnd = list(range(n)), Random(seed)
    for i in range(n - 1, 1, -1):
        j = 1 + rnd.below(i)
        order[i], order[j] = order[j], order[i]
    return order


def fits(fact, key, have):
    """What a truth says of this number; None: nothing."""
    if key in fact:
        return fact[key] == have
    if key + "_min" in fact:
        return fact[key + "_min"] <= have <= fact[key + "_max"]
    return None
