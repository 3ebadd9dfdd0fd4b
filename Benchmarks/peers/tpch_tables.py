"""Tables of TPC-H: kinds of columns are int, money, date, text, and word for texts of few values."""
TABLES = ["region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem"]

COLUMNS = {
    "region": [("r_regionkey", "int"), ("r_name", "word"), ("r_comment", "text")],
    "nation": [
        ("n_nationkey", "int"), ("n_name", "word"), ("n_regionkey", "int"), ("n_comment", "text")],
    "supplier": [
        ("s_suppkey", "int"), ("s_name", "text"), ("s_address", "text"), ("s_nationkey", "int"),
        ("s_phone", "text"), ("s_acctbal", "money"), ("s_comment", "text")],
    "customer": [
        ("c_custkey", "int"), ("c_name", "text"), ("c_address", "text"), ("c_nationkey", "int"),
        ("c_phone", "text"), ("c_acctbal", "money"), ("c_mktsegment", "word"),
        ("c_comment", "text")],
    "part": [
        ("p_partkey", "int"), ("p_name", "text"), ("p_mfgr", "word"), ("p_brand", "word"),
        ("p_type", "word"), ("p_size", "int"), ("p_container", "word"), ("p_retailprice", "money"),
        ("p_comment", "text")],
    "partsupp": [
        ("ps_partkey", "int"), ("ps_suppkey", "int"), ("ps_availqty", "int"),
        ("ps_supplycost", "money"), ("ps_comment", "text")],
    "orders": [
        ("o_orderkey", "int"), ("o_custkey", "int"), ("o_orderstatus", "word"),
        ("o_totalprice", "money"), ("o_orderdate", "date"), ("o_orderpriority", "word"),
        ("o_clerk", "word"), ("o_shippriority", "int"), ("o_comment", "text")],
    "lineitem": [
        ("l_orderkey", "int"), ("l_partkey", "int"), ("l_suppkey", "int"), ("l_linenumber", "int"),
        ("l_quantity", "money"), ("l_extendedprice", "money"), ("l_discount", "money"),
        ("l_tax", "money"), ("l_returnflag", "word"), ("l_linestatus", "word"),
        ("l_shipdate", "date"), ("l_commitdate", "date"), ("l_receiptdate", "date"),
        ("l_shipinstruct", "word"), ("l_shipmode", "word"), ("l_comment", "text")],
}

FACT = "lineitem"
SORT_KEY = "l_orderkey, l_linenumber"
KEYS = {
    "region": "r_regionkey", "nation": "n_nationkey", "supplier": "s_suppkey",
    "customer": "c_custkey", "part": "p_partkey", "partsupp": "ps_partkey, ps_suppkey",
    "orders": "o_orderkey", "lineitem": "l_orderkey, l_linenumber"}


def file_name(table):
    return table + ".tbl"
