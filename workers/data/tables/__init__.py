"""Tables: columns of text or of typed values become the numbers of a data set, a schema, and questions.

Only the process that reads uploads imports the modules that need pyarrow: `column_builders`, `csv_reader`,
`line_reader`, `table_pass` and `read_table`.
"""
