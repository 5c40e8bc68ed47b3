#!/usr/bin/env bash
# DuckDB 2.0.1: a table of decimal commas loses its header and is cut at the commas, without an error.
#
# In a file separated by semicolons whose cells all have a decimal comma, every line after the header has the same
# number of commas, and one line, the header, has none. read_csv takes the comma for the delimiter, skips the header
# as if it were a title above the table, and invents the names column0, column1 and so on. The number of rows is right.
# That stays so with decimal_separator=',', although a comma cannot be both. With one column of whole numbers all is well.
#
# Why it matters: it is what spreadsheets and loggers write in much of Europe. Names are gone, fractions stand in the
# place of the next column, and the checks that people make (rows, no error) pass.
# Instead: pass delim=';' together with decimal_separator=','.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1

cat >expected <<'TEXT'
duckdb 2.0.1
every cell has a decimal comma: 500 rows
  defaults                   column0 BIGINT, column1 VARCHAR, column2 VARCHAR, column3 BIGINT: (1, '5;1', '25;1', 75)
  decimal_separator=','      column0 BIGINT, column1 VARCHAR, column2 VARCHAR, column3 BIGINT: (1, '5;1', '25;1', 75)
  and delim=';'              length DOUBLE, width DOUBLE, height DOUBLE: (1.5, 1.25, 1.75)
one more column of whole numbers: 500 rows
  defaults                   length VARCHAR, width VARCHAR, height VARCHAR, class BIGINT: ('1,5', '1,25', '1,75', 1)
  decimal_separator=','      length DOUBLE, width DOUBLE, height DOUBLE, class BIGINT: (1.5, 1.25, 1.75, 1)
  and delim=';'              length DOUBLE, width DOUBLE, height DOUBLE, class BIGINT: (1.5, 1.25, 1.75, 1)
TEXT

cat >program.py <<'PYTHON'
import duckdb


def show(title, option):
    table = duckdb.sql(f"SELECT * FROM read_csv('table.csv'{option and ', ' + option})")
    columns = ", ".join(f"{name} {kind}" for name, kind in zip(table.columns, table.types))
    print(f"  {title:26} {columns}: {table.limit(1).fetchall()[0]}")


def compare(title, header, ending):
    with open("table.csv", "w") as file:
        print(header, file=file)
        for row in range(1, 501):
            print(f"{row},5;{row},25;{row},75{ending(row)}", file=file)
    [(rows,)] = duckdb.sql("SELECT count(*) FROM read_csv('table.csv')").fetchall()
    print(f"{title}: {rows} rows")
    show("defaults", "")
    show("decimal_separator=','", "decimal_separator=','")
    show("and delim=';'", "decimal_separator=',', delim=';'")


print("duckdb", duckdb.__version__)
compare("every cell has a decimal comma", "length;width;height", lambda row: "")
compare("one more column of whole numbers", "length;width;height;class", lambda row: f";{row % 2}")
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
