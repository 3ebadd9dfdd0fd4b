"""Tables of the Star Schema Benchmark: kinds of columns are int, text, and word for texts of few values."""
TABLES = ["customer", "supplier", "part", "dates", "lineorder"]

COLUMNS = {
    "customer": [
        ("c_custkey", "int"), ("c_name", "text"), ("c_address", "text"), ("c_city", "word"),
        ("c_nation", "word"), ("c_region", "word"), ("c_phone", "text"), ("c_mktsegment", "word")],
    "supplier": [
        ("s_suppkey", "int"), ("s_name", "text"), ("s_address", "text"), ("s_city", "word"),
        ("s_nation", "word"), ("s_region", "word"), ("s_phone", "text")],
    "part": [
        ("p_partkey", "int"), ("p_name", "text"), ("p_mfgr", "word"), ("p_category", "word"),
        ("p_brand1", "word"), ("p_color", "word"), ("p_type", "word"), ("p_size", "int"),
        ("p_container", "word")],
    "dates": [
        ("d_datekey", "int"), ("d_date", "text"), ("d_dayofweek", "word"), ("d_month", "word"),
        ("d_year", "int"), ("d_yearmonthnum", "int"), ("d_yearmonth", "word"),
        ("d_daynuminweek", "int"), ("d_daynuminmonth", "int"), ("d_daynuminyear", "int"),
        ("d_monthnuminyear", "int"), ("d_weeknuminyear", "int"), ("d_sellingseason", "word"),
        ("d_lastdayinweekfl", "int"), ("d_lastdayinmonthfl", "int"), ("d_holidayfl", "int"),
        ("d_weekdayfl", "int")],
    "lineorder": [
        ("lo_orderkey", "int"), ("lo_linenumber", "int"), ("lo_custkey", "int"),
        ("lo_partkey", "int"), ("lo_suppkey", "int"), ("lo_orderdate", "int"),
        ("lo_orderpriority", "word"), ("lo_shippriority", "int"), ("lo_quantity", "int"),
        ("lo_extendedprice", "int"), ("lo_ordtotalprice", "int"), ("lo_discount", "int"),
        ("lo_revenue", "int"), ("lo_supplycost", "int"), ("lo_tax", "int"),
        ("lo_commitdate", "int"), ("lo_shipmode", "word")],
}

FACT = "lineorder"
SORT_KEY = "lo_orderdate, lo_orderkey"
KEYS = {
    "customer": "c_custkey", "supplier": "s_suppkey", "part": "p_partkey", "dates": "d_datekey",
    "lineorder": "lo_orderdate, lo_orderkey"}


def file_name(table):
    return "date.tbl" if table == "dates" else table + ".tbl"
