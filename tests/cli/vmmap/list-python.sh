run vmmap --root linux-6.18 1003
