#!/usr/bin/env bash
# Usage: demo.sh STOA SHOPDATA
# Loads the shop into .build/demo/shop.stoa, asks it five questions, shows how one of them was answered and where the
# bytes went.
set -euo pipefail
stoa=$(realpath "${1:-.build/release/stoa}")
shopdata=$(realpath "${2:-.build/release/shopdata}")
cd "$(dirname "$0")/../.."

work=.build/demo
rm -rf "$work"
mkdir -p "$work"
echo "== generating 200,000 sales"
"$shopdata" "$work/sales.csv"
ls -l "$work/sales.csv" | awk '{print $5 " bytes of CSV"}'

echo "== creating and loading $work/shop.stoa"
"$stoa" "$work/shop.stoa" -f datasets/shop/schema.sql
time "$stoa" "$work/shop.stoa" -f datasets/shop/load.sql

echo "== five questions (datasets/shop/queries.sql)"
awk -v prefix="$work/question" '
  /^-- [0-9]/ { count++; file = prefix count ".sql" }
  file { print > file }' datasets/shop/queries.sql
for question in "$work"/question?.sql; do
  grep '^--' "$question" | sed 's/^-- */\n/'
  "$stoa" "$work/shop.stoa" -f "$question"
done

echo
echo "== how the first one was answered"
{ echo "EXPLAIN ANALYZE"; cat "$work/question1.sql"; } > "$work/explain.sql"
"$stoa" "$work/shop.stoa" -f "$work/explain.sql"

echo "== where the bytes went"
du -sh "$work/shop.stoa" | cut -f1
find "$work/shop.stoa" -type f -printf '%10s  %P\n' | sort -k2
largest=$(find "$work/shop.stoa" -name '*.seg' -printf '%s %p\n' | sort -rn | awk 'NR == 1 { print $2 }')
if [ -n "$largest" ]; then
  echo "== columns of the sales, with the encoding of their first row group (stoa inspect tells more)"
  # Segments know columns by id; ids count the columns of CREATE TABLE.
  names=$("$stoa" "$work/shop.stoa" --csv --no-header -c "DESCRIBE sales" | cut -d, -f1 | tr '\n' ' ')
  "$stoa" inspect "$largest" | awk -v names="$names" '
    BEGIN { split(names, columnNames, " ") }
    /^column id/ { name = columnNames[$3] " " $4 }
    name && /^  bytes/ { bytes = $2 + 0; perRow = $3 }
    name && /row group 0:/ {
      encoding = $0; sub(/.*encoding /, "", encoding); sub(/, checksum.*/, "", encoding)
      printf "%12d bytes %8s a row  %-27s %s\n", bytes, perRow, name, encoding
    }'
fi
echo "Try it: $stoa $work/shop.stoa"
