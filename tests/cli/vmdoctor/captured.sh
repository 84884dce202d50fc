# Of a captured tree only facts are told: nothing can be tried.
run vmdoctor --root machine
run vmdoctor --root numa2 hugetlb thp numa psi
run vmdoctor --root machine psi hugetlb
run vmdoctor --root linux-5.10 --csv -o CHECK,STATE,OK,FOUND
run vmdoctor --root machine --filter 'STATE == works' -s CHECK
run vmdoctor --root machine -e paging thp pmu
run vmdoctor --root machine --strict --no-headings -o CHECK kernel
run vmdoctor --root machine --format openmetrics -o OK psi pmu
