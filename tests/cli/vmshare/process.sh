# A process of a captured tree: what smaps tells; frames and counts aren't in there.
run vmshare --root linux-6.18 1002
run vmshare --root linux-6.18 1002 -b -o START,RSS,PSS,PRDIRTY,SHCLEAN,RISK,MOST -s PSS --filter 'RSS > 100K'
run vmshare --root linux-6.18 1002 --csv --filter 'KIND == heap'
run vmshare --root linux-6.18 1002 --format openmetrics -o START,PSS,MAPPING --filter 'PSS > 60K'
run vmshare --root linux-6.18 1002 --no-headings -o START,SHCLEAN --filter 'SHCLEAN > 1M'
run vmshare --root linux-6.18 --family 1002
