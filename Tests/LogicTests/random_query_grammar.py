"""Random tables and queries for random_queries.py, as trees that can be made smaller.

Types are letters: I integers, N DECIMAL(9,2), D doubles (multiples of 1/4), S texts, T dates, B booleans.
"""
from random import Random

KINDS = {"I": "INTEGER", "J": "BIGINT", "N": "DECIMAL(9,2)", "D": "DOUBLE", "S": "VARCHAR", "T": "DATE", "B": "BOOLEAN"}
TYPES = "IINDSTB"
WORDS = ["", "a", "b", "ab", "abc", "B", "Ä", "äb", "zz", "a b", "x_y", "10%", "7"]


class Node:
    """Pieces of SQL one after the other; `smaller` are nodes or texts that may stand in its place."""

    def __init__(self, *parts, smaller=()):
        self.parts = list(parts)
        self.smaller = list(smaller)


class Items(Node):
    """A list with commas, of which single items may go."""


def text(node):
    if isinstance(node, str):
        return node
    return (", " if isinstance(node, Items) else "").join(text(part) for part in node.parts)


def minimised(root, differs, limit=400):
    """The tree with as much taken out of it as leaves the difference; in place."""
    steps, changed = 0, True
    while changed and steps < limit:
        changed = False
        queue = [root]
        while queue and steps < limit:
            node = queue.pop(0)
            index = 0
            while index < len(node.parts) and steps < limit:
                part = node.parts[index]
                if isinstance(node, Items) and len(node.parts) > 1:
                    del node.parts[index]
                    steps += 1
                    if differs(root):
                        changed = True
                        continue
                    node.parts.insert(index, part)
                if isinstance(part, Node):
                    for smaller in part.smaller:
                        node.parts[index] = smaller
                        steps += 1
                        if differs(root):
                            changed = True
                            break
                        node.parts[index] = part
                    if isinstance(node.parts[index], Node):
                        queue.append(node.parts[index])
                index += 1
    return root


class Table:
    def __init__(self, name, columns):
        self.name = name
        self.columns = columns  # (name, type letter)


class Schema:
    """Five tables: `id` is unique, `k` joins, other names are the table's own."""

    def __init__(self, random):
        self.random = random
        self.tables, self.statements = [], []
        for number in range(5):
            self.make(number)

    def make(self, number):
        random = self.random
        name = f"t{number}"
        columns = [(f"id{number}", "I"), ("k", "I")]
        for place in range(random.randrange(3, 8)):
            letter = TYPES[place] if place < 3 and number < 2 else random.choice(TYPES)
            columns.append((f"{letter.lower()}{number}{place}", letter))
        types = [KINDS["J"] if letter == "I" and random.random() < 0.3 else KINDS[letter] for _, letter in columns]
        unique = random.choice(["", " PRIMARY KEY", " NOT NULL"])
        definition = ", ".join(
            f"{column} {kind}{unique if place == 0 else ''}" for place, ((column, _), kind) in enumerate(zip(columns, types)))
        order = ", ".join(random.sample([c for c, _ in columns], random.randrange(1, 3)))
        self.statements.append(
            f"CREATE TABLE {name} ({definition})" + (f" ORDER BY ({order})" if random.random() < 0.6 else ""))
        self.tables.append(Table(name, columns))
        count = random.choice([0, 1, 3, 6, 9, 12, 14]) if number < 4 else random.choice([20, 60, 250])
        nulls = random.choice([0, 0.1, 0.2, 0.7])
        fixed = {column: self.value(letter, 0, column == "k") for column, letter in columns if random.random() < 0.1}
        rows = []
        for row in range(count):
            values = [str(row)]
            for column, letter in columns[1:]:
                values.append(fixed.get(column) or self.value(letter, nulls, column == "k"))
            rows.append("(" + ", ".join(values) + ")")
        # Some rows in a commit of their own.
        for part in (rows[: count // 2], rows[count // 2 :]):
            if part:
                self.statements.append(f"INSERT INTO {name} VALUES " + ", ".join(part))

    def value(self, letter, nulls, is_key=False):
        if self.random.random() < nulls:
            return "NULL"
        return constant(self.random, letter, 8 if is_key else 20)


def constant(random, letter, bound=20):
    if letter == "I":
        return str(random.randrange(bound) if bound == 8 else random.choice([0, 1, 2, 3, 5, 7, bound, -1, -4]))
    if letter == "N":
        return f"{random.randrange(-300, 900) / 100:.2f}"
    if letter == "D":
        value = f"{random.randrange(-20, 40) / 4}"
        return f"CAST({value} AS DOUBLE)"
    if letter == "S":
        return "'" + random.choice(WORDS) + "'"
    if letter == "T":
        return f"DATE '2024-{random.randrange(1, 4):02}-{random.randrange(1, 29):02}'"
    return random.choice(["true", "false"])


class Scope:
    """Columns that an expression may name. `ids` are those that make a row unique, or None."""

    def __init__(self, columns, ids=None, outer=()):
        self.columns = columns  # (text or node, type letter)
        self.ids = ids
        self.outer = list(outer)


class Query:
    def __init__(self, root, ordered):
        self.root = root
        self.ordered = ordered


class Grammar:
    def __init__(self, random, schema):
        self.random, self.schema = random, schema
        self.aliases = 0
        self.tables = {}  # of WITH: name, columns
        self.big = False

    # Whole queries

    def query(self):
        random = self.random
        types = [random.choice(TYPES) for _ in range(random.randrange(1, 4))]
        head = ""
        if random.random() < 0.2:
            head = self.with_clause()
        body = self.body(types, [], 3)
        order, ordered = "", False
        if random.random() < 0.4:
            places = [str(place + 1) for place in range(len(types))]
            random.shuffle(places)
            items = [p + random.choice(["", " DESC", " ASC"]) + random.choice(["", "", " NULLS FIRST", " NULLS LAST"]) for p in places]
            order, ordered = " ORDER BY " + ", ".join(items), True
        limit = ""
        if ordered and random.random() < 0.6:
            limit = random.choice([" LIMIT {}", " LIMIT {} OFFSET 2", " OFFSET {}", " FETCH FIRST {} ROWS ONLY"])
            limit = limit.format(random.randrange(0, 7))
        return Query(Node(head, body, order, Node(limit, smaller=[""])), ordered)

    def with_clause(self):
        random = self.random
        name = "w1"
        if random.random() < 0.35:
            part = self.recursion(name)
            self.tables[name] = [("n", "I")]
            return Node("WITH RECURSIVE ", part, " ")
        types = [random.choice(TYPES) for _ in range(random.randrange(1, 4))]
        columns = [(f"c{place}", letter) for place, letter in enumerate(types)]
        hint = random.choice(["", "", " MATERIALIZED", " NOT MATERIALIZED"])
        part = Node(f"{name} (", ", ".join(c for c, _ in columns), f") AS{hint} (", self.body(types, [], 2), ") ")
        self.tables[name] = columns
        return Node("WITH ", part)

    def recursion(self, name):
        random = self.random
        table, other = random.choice(self.schema.tables[:4]), random.choice(self.schema.tables[:4])
        id_column = other.columns[0][0]
        start = f"SELECT k FROM {table.name}"
        union, step = random.choice([
            ("UNION", f"SELECT y.{id_column} FROM {name} JOIN {other.name} y ON y.k = {name}.n"),
            ("UNION", f"SELECT y.k FROM {other.name} y, {name} WHERE y.{id_column} <= {name}.n"),
            ("UNION", f"SELECT ({name}.n + y.k) % 10 FROM {name} LEFT JOIN {other.name} y ON y.{id_column} > {name}.n"),
            ("UNION", f"SELECT p.n + q.n FROM {name} p JOIN {name} q ON p.n < q.n WHERE p.n + q.n < 20"),
            ("UNION ALL", f"SELECT n + 1 FROM {name} WHERE n < 6"),
            ("UNION ALL", f"SELECT n + 1 + (SELECT coalesce(min(k), 0) FROM {other.name} y WHERE y.k >= {name}.n) FROM {name} WHERE n < 5"),
        ])
        return Node(f"{name} (n) AS ({start} {union} {step})")

    def body(self, types, outer, depth):
        """SELECT, or some with set operations between them."""
        random = self.random
        if random.random() < (0.15 if depth > 1 else 0.05):
            left, right = self.select(types, outer, depth - 1), self.select(types, outer, depth - 1)
            word = random.choice(["UNION", "UNION ALL", "INTERSECT", "INTERSECT ALL", "EXCEPT", "EXCEPT ALL"])
            if random.random() < 0.3:
                third = self.select(types, outer, 1)
                word2 = random.choice(["UNION", "UNION ALL", "INTERSECT", "EXCEPT", "EXCEPT ALL"])
                right = Node("(", right, f" {word2} ", third, ")", smaller=[right, third])
            return Node(left, f" {word} ", right, smaller=[left, right])
        return self.select(types, outer, depth)

    def select(self, types, outer, depth):
        scope, source = self.from_clause(outer, depth)
        condition = self.optional(" WHERE ", lambda: self.boolean(scope, 2, depth - 1), 0.5)
        kind = self.random.random()
        if kind < 0.3:
            return self.aggregation(types, scope, source, condition, depth)
        if kind < 0.45 and scope.ids:
            return self.windows(types, scope, source, condition, depth)
        if kind < 0.5 and scope.ids:
            return self.distinct_on(types, scope, source, condition)
        items = Node(*self.separated([self.expression(letter, scope, 2, depth - 1) for letter in types]))
        distinct = "DISTINCT " if self.random.random() < 0.15 else ""
        return Node("SELECT ", Node(distinct, smaller=[""]), items, " FROM ", source, condition)

    @staticmethod
    def separated(nodes):
        parts = []
        for place, node in enumerate(nodes):
            parts += ([", "] if place else []) + [node]
        return parts

    def optional(self, word, make, chance):
        if self.random.random() >= chance:
            return ""
        return Node(word, make(), smaller=[""])

    # FROM

    def alias(self, prefix):
        self.aliases += 1
        return f"{prefix}{self.aliases}"

    def relation(self, outer, depth):
        """Something in FROM: (node, columns, unique columns or None)."""
        random = self.random
        choice = random.random()
        if choice < 0.12 and depth > 1:
            types = [random.choice(TYPES) for _ in range(random.randrange(1, 4))]
            alias = self.alias("d")
            columns = [(f"c{place}", letter) for place, letter in enumerate(types)]
            node = Node("(", self.body(types, outer, depth - 1), f") AS {alias} ({', '.join(c for c, _ in columns)})")
            return node, [(f"{alias}.{c}", letter) for c, letter in columns], None
        if choice < 0.16:
            alias = self.alias("v")
            rows = [f"({constant(random, 'I', 8)}, {random.choice(['NULL', constant(random, 'S')])})" for _ in range(random.randrange(0, 4))]
            rows.insert(0, f"(CAST(NULL AS INTEGER), {constant(random, 'S')})")
            return Node(f"(VALUES {', '.join(rows)}) AS {alias} (k, s)"), [(f"{alias}.k", "I"), (f"{alias}.s", "S")], None
        if choice < 0.3 and self.tables:
            name = next(iter(self.tables))
            alias = self.alias("w_")
            return Node(f"{name} AS {alias}"), [(f"{alias}.{c}", letter) for c, letter in self.tables[name]], None
        tables = self.schema.tables if not self.big else self.schema.tables[:4]
        table = random.choice(tables)
        self.big |= table is self.schema.tables[4]
        alias = self.alias("x")
        columns = [(f"{alias}.{c}", letter) for c, letter in table.columns]
        return Node(f"{table.name} AS {alias}"), columns, [columns[0][0]]

    def from_clause(self, outer, depth):
        random = self.random
        node, columns, ids = self.relation([], depth)
        scope = Scope(columns, ids, outer)
        for _ in range(random.choice([0, 0, 1, 1, 1, 2, 3] if depth > 1 else [0, 0, 0, 1])):
            kind = random.random()
            if kind < 0.1 and depth > 1:
                node = self.lateral(node, scope, depth)
                continue
            right, more, more_ids = self.relation([], depth - 1)
            both = Scope(scope.columns + more, None, outer)
            all_ids = scope.ids + more_ids if scope.ids and more_ids else None
            if kind < 0.2:
                word = random.choice([" SEMI JOIN ", " ANTI JOIN "])
                node = Node(node, word, right, " ON ", self.join_condition(scope.columns, more, both), smaller=[node])
                continue
            if kind < 0.27:
                comma = random.random() < 0.4
                node = Node(node, ", " if comma else " CROSS JOIN ", right, smaller=[node])
                if comma:  # which binds weaker than JOIN
                    return Scope(both.columns, all_ids, outer), node
            else:
                word = random.choice([" JOIN ", " JOIN ", " LEFT JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN "])
                node = Node(node, word, right, " ON ", self.join_condition(scope.columns, more, both), smaller=[node])
            scope = Scope(both.columns, all_ids, outer)
        return scope, node

    def lateral(self, node, scope, depth):
        random = self.random
        types = [random.choice(TYPES)]
        alias = self.alias("l")
        inner = self.select(types, [scope], 1)
        tail = ""
        if random.random() < 0.4:
            tail = f" ORDER BY 1 LIMIT {random.randrange(1, 3)}"
        word = random.choice([" CROSS JOIN LATERAL ", " LEFT JOIN LATERAL "])
        on = " ON true" if "LEFT" in word else ""
        result = Node(node, word, "(", inner, tail, f") AS {alias} (q){on}", smaller=[node])
        scope.columns = scope.columns + [(f"{alias}.q", types[0])]
        scope.ids = None
        return result

    def join_condition(self, left, right, both):
        random = self.random
        pairs = [(a, b) for a, x in left for b, y in right if x == y and x != "B"]
        keys = [(a, b) for a, b in pairs if a.endswith(".k") or b.endswith(".k")]
        parts = []
        if pairs and random.random() < 0.85:
            a, b = random.choice(keys if keys and random.random() < 0.7 else pairs)
            word = random.choice(["="] * 6 + ["<", ">=", "<>", "IS NOT DISTINCT FROM"])
            parts.append(Node(f"{a} {word} {b}", smaller=["true"]))
        if not parts or random.random() < 0.3:
            parts.append(self.boolean(both, 1, 0))
        if len(parts) == 1:
            return parts[0]
        return Node(parts[0], random.choice([" AND ", " AND ", " OR "]), parts[1], smaller=parts)

    # GROUP BY

    def aggregation(self, types, scope, source, condition, depth):
        random = self.random
        sets = random.random() < 0.3
        count = random.randrange(0, 4)
        groups = []
        for _ in range(count):
            if sets or random.random() < 0.6:
                groups.append(random.choice(scope.columns))
            else:
                letter = random.choice(TYPES)
                groups.append((text(self.expression(letter, Scope(scope.columns), 1, 0)), letter))
        groups = [g for g in dict(groups).items() if not is_constant(g[0])]
        columns = list(groups)
        for letter in types:
            columns += [(self.aggregate(letter, scope), letter) for _ in range(2)]
        names = [g for g, _ in groups]
        clause = ""
        if sets and names:
            style = random.random()
            if style < 0.35:
                clause = f" GROUP BY ROLLUP ({', '.join(names)})"
            elif style < 0.6:
                clause = f" GROUP BY CUBE ({', '.join(names)})"
            else:
                chosen = [random.sample(names, random.randrange(0, len(names) + 1)) for _ in range(random.randrange(1, 4))]
                if not any(chosen):  # of which DuckDB makes one
                    chosen = [names]
                clause = " GROUP BY GROUPING SETS (" + ", ".join(f"({', '.join(s)})" for s in chosen) + ")"
                names = [n for n in names if any(n in s for s in chosen)]
                columns = [c for c in columns if c[0] in names or c not in groups]
            columns += [(f"GROUPING({n})", "I") for n in names]
        elif names:
            clause = " GROUP BY " + ", ".join(names)
        inner = Scope(columns)
        having = self.optional(" HAVING ", lambda: self.boolean(inner, 1, 0), 0.25)
        items = Node(*self.separated([self.expression(letter, inner, 1, 0) for letter in types]))
        if not clause and not any(text(c) in text(items) for c, _ in columns):
            having = having or " HAVING count(*) >= 0"
        distinct = "DISTINCT " if random.random() < 0.05 else ""
        return Node("SELECT ", distinct, items, " FROM ", source, condition, clause, having)

    def aggregate(self, letter, scope):
        """An aggregate call of that type whose value depends on no order."""
        random = self.random
        argument = lambda t: self.expression(t, Scope(scope.columns), 1, 0)
        distinct = random.choice(["", "", "", "DISTINCT "])
        if letter == "I":
            call = random.choice([
                lambda: ("count(*)",), lambda: ("count(", distinct, argument(random.choice(TYPES)), ")"),
                lambda: ("sum(", distinct, argument("I"), ")"), lambda: ("min(", argument("I"), ")"), lambda: ("max(", argument("I"), ")"),
                lambda: ("bit_or(", argument("I"), ")"), lambda: ("quantile_disc(", argument("I"), ", 0.5)"),
            ])()
        elif letter == "N":
            call = (random.choice(["sum", "min", "max"]), "(", distinct, argument("N"), ")")
        elif letter == "D":
            call = random.choice([
                lambda: ("avg(", distinct, argument(random.choice("IND")), ")"), lambda: ("sum(", distinct, argument("D"), ")"),
                lambda: ("min(", argument("D"), ")"), lambda: ("max(", argument("D"), ")"),
                lambda: ("stddev_samp(", argument("D"), ")"), lambda: ("var_pop(", argument("I"), ")"), lambda: ("median(", argument("D"), ")"),
                lambda: ("percentile_cont(0.25) WITHIN GROUP (ORDER BY ", argument("D"), ")"),
                lambda: ("regr_count(", argument("D"), ", ", argument("D"), ")::DOUBLE"),
            ])()
        elif letter == "S":
            def listed():
                value = text(argument("S"))
                direction = random.choice(["", " DESC"])
                return (f"string_agg({distinct}{value}, ',' ORDER BY {value}{direction})",)
            call = random.choice([lambda: ("min(", argument("S"), ")"), lambda: ("max(", argument("S"), ")"), listed])()
        elif letter == "T":
            call = (random.choice(["min", "max"]), "(", argument("T"), ")")
        else:
            call = (random.choice(["bool_and", "bool_or"]), "(", argument("B"), ")")
        call = Node(*call)
        if random.random() < 0.2 and not text(call).endswith("DOUBLE"):
            return Node(call, " FILTER (WHERE ", self.boolean(Scope(scope.columns), 1, 0), ")", smaller=[call])
        return call

    # Windows

    def windows(self, types, scope, source, condition, depth):
        columns = list(scope.columns)
        for letter in types:
            columns += [(self.window(letter, scope), letter)] * 3
        inner = Scope(columns)
        items = Node(*self.separated([self.expression(letter, inner, 1, 0) for letter in types]))
        qualify = ""
        if self.random.random() < 0.25:
            letter = self.random.choice("IINS")
            qualify = Node(" QUALIFY ", self.window(letter, scope), self.random.choice([" <= ", " > ", " = "]), constant(self.random, letter), smaller=[""])
        return Node("SELECT ", items, " FROM ", source, condition, qualify)

    def window(self, letter, scope):
        random = self.random
        plain = Scope(scope.columns)
        argument = lambda t: self.expression(t, plain, 1, 0)
        partition = random.sample([c for c, _ in scope.columns], random.randrange(0, 2))
        over = "PARTITION BY " + ", ".join(partition) + " " if partition else ""
        directed = lambda c: c + random.choice(["", " DESC"]) + random.choice(["", "", " NULLS FIRST", " NULLS LAST"])
        total = [directed(c) for c in random.sample([c for c, _ in scope.columns], random.randrange(0, 2)) + list(scope.ids)]
        if letter == "I" and random.random() < 0.4:
            name = random.choice(["row_number()", "rank()", "dense_rank()", "ntile(3)"])
            if name in ("rank()", "dense_rank()"):
                total = total[:1]
            return Node(f"{name} OVER ({over}ORDER BY {', '.join(total)})")
        if letter == "D" and random.random() < 0.2:
            return Node(f"{random.choice(['percent_rank()', 'cume_dist()'])} OVER ({over}ORDER BY {total[0]})")
        if random.random() < 0.35:
            name = random.choice(["lag", "lead", "first_value", "last_value", "nth_value"])
            more = {"lag": ", 2", "lead": "", "nth_value": ", 2"}.get(name, "")
            nulls = random.choice(["", "", " IGNORE NULLS"])
            frame = self.frame("") if name not in ("lag", "lead") else ""
            return Node(f"{name}(", argument(letter), f"{more}{nulls}) OVER ({over}ORDER BY {', '.join(total)}", Node(frame, smaller=[""]), ")")
        call = self.aggregate(letter, scope)
        if any(word in text(call) for word in ("WITHIN GROUP", "::DOUBLE", "string_agg")):
            call = Node("max(", argument(letter), ")")
        style = random.random()
        if style < 0.2:
            return Node(call, f" OVER ({over})")
        if style < 0.55:
            numbers = [(c, t) for c, t in scope.columns if t in "ID"]
            column, _ = random.choice(numbers)
            return Node(call, f" OVER ({over}ORDER BY {directed(column)}", Node(self.frame("RANGE"), smaller=[""]), ")")
        return Node(call, f" OVER ({over}ORDER BY {', '.join(total)}", Node(self.frame(""), smaller=[""]), ")")

    def frame(self, unit):
        random = self.random
        unit = unit or random.choice(["ROWS", "ROWS", "GROUPS"])
        marks = ["UNBOUNDED PRECEDING", "{} PRECEDING", "CURRENT ROW", "{} FOLLOWING", "UNBOUNDED FOLLOWING"]
        first = random.randrange(0, 4)
        last = random.randrange(max(first, 1), 5)
        low, high = random.randrange(0, 4), random.randrange(0, 4)
        if first == last == 1:
            low, high = max(low, high), min(low, high)
        if first == last == 3:
            low, high = min(low, high), max(low, high)
        exclude = random.choice(["", "", "", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES", " EXCLUDE NO OTHERS"])
        return f" {unit} BETWEEN {marks[first].format(low)} AND {marks[last].format(high)}{exclude}"

    def distinct_on(self, types, scope, source, condition):
        random = self.random
        column = random.choice(scope.columns)[0]
        items = Node(*self.separated([self.expression(letter, Scope(scope.columns), 1, 0) for letter in types]))
        order = ", ".join([column] + [c + random.choice(["", " DESC"]) for c in scope.ids])
        return Node(f"(SELECT DISTINCT ON ({column}) ", items, " FROM ", source, condition, f" ORDER BY {order})")

    # Expressions

    def column(self, letter, scope):
        random = self.random
        choices = [c for c, t in scope.columns if t == letter]
        outer = [c for s in scope.outer for c, t in s.columns if t == letter]
        if outer and (not choices or random.random() < 0.35):
            return random.choice(outer)
        return random.choice(choices) if choices else constant(random, letter)

    def expression(self, letter, scope, size, depth):
        random = self.random
        if size <= 0 or random.random() < 0.35:
            return Node(self.column(letter, scope) if random.random() < 0.85 else constant(random, letter))
        again = lambda t: self.expression(t, scope, size - 1, depth)
        if depth > 0 and letter != "B" and random.random() < 0.12:
            return self.scalar_subquery(letter, scope, depth)
        a, b = again(letter), again(letter)
        choices = [
            lambda: Node("CASE WHEN ", self.boolean(scope, size - 1, depth), " THEN ", a, " ELSE ", b, " END", smaller=[a, b]),
            lambda: Node("coalesce(", a, ", ", b, ")", smaller=[a, b]),
            lambda: Node("nullif(", a, ", ", b, ")", smaller=[a]),
            lambda: Node(random.choice(["greatest", "least"]), "(", a, ", ", b, ")", smaller=[a, b]),
        ]
        if letter == "I":
            choices += [lambda: Node("(", a, random.choice([" + ", " - "]), b, ")", smaller=[a, b])] * 3
            choices += [
                lambda: Node("(", a, f" * {random.randrange(-2, 4)})", smaller=[a]),
                lambda: Node("(", a, random.choice([" / ", " % ", " // "]), random.choice(["2", "3", "-7"]), ")", smaller=[a]),
                lambda: Node("abs(", a, ")", smaller=[a]), lambda: Node("length(", again("S"), ")"),
                lambda: Node("CAST(", again("B"), " AS INTEGER)"), lambda: Node(random.choice(["extract(day FROM ", "extract(month FROM ", "extract(dow FROM "]), again("T"), ")"),
            ]
        elif letter == "N":
            choices += [lambda: Node("(", a, random.choice([" + ", " - "]), b, ")", smaller=[a, b]), lambda: Node("(- ", a, ")", smaller=[a])]
        elif letter == "D":
            choices += [
                lambda: Node("(", a, random.choice([" + ", " - "]), b, ")", smaller=[a, b]),
                lambda: Node("(", a, " * 0.5::DOUBLE)", smaller=[a]), lambda: Node("CAST(", again(random.choice("IN")), " AS DOUBLE)"),
                lambda: Node("floor(", a, ")", smaller=[a]),
            ]
        elif letter == "S":
            choices += [
                lambda: Node("(", a, " || ", b, ")", smaller=[a, b]), lambda: Node(random.choice(["upper", "lower", "reverse", "trim"]), "(", a, ")", smaller=[a]),
                lambda: Node("substring(", a, f", {random.randrange(1, 3)}, {random.randrange(0, 3)})", smaller=[a]),
                lambda: Node(random.choice(["left", "right"]), "(", a, ", 2)", smaller=[a]), lambda: Node("replace(", a, ", 'a', 'xy')", smaller=[a]),
                lambda: Node("CAST(", again(random.choice("IT")), " AS VARCHAR)"), lambda: Node("concat(", a, ", ", b, ")", smaller=[a, b]),
            ]
        elif letter == "T":
            choices += [lambda: Node("(", a, f" + {random.randrange(-3, 40)})", smaller=[a])]
        else:
            return self.boolean(scope, size, depth)
        return random.choice(choices)()

    def scalar_subquery(self, letter, scope, depth):
        random = self.random
        inner, source = self.from_clause([scope], 1)
        condition = self.optional(" WHERE ", lambda: self.boolean(inner, 1, depth - 1), 0.8)
        if random.random() < 0.75:
            return Node("(SELECT ", self.aggregate(letter, inner), " FROM ", source, condition, ")", smaller=[self.column(letter, scope)])
        item = self.expression(letter, inner, 1, 0)
        return Node("(SELECT ", item, " FROM ", source, condition, " ORDER BY 1 LIMIT 1)", smaller=[self.column(letter, scope)])

    def boolean(self, scope, size, depth):
        random = self.random
        if size > 0 and random.random() < 0.35:
            a, b = self.boolean(scope, size - 1, depth), self.boolean(scope, size - 1, depth)
            if random.random() < 0.2:
                return Node("(NOT ", a, ")", smaller=[a])
            return Node("(", a, random.choice([" AND ", " OR "]), b, ")", smaller=[a, b])
        if depth > 0 and random.random() < 0.3:
            return self.subquery_condition(scope, depth)
        letter = random.choice("IIINDST")
        again = lambda: self.expression(letter, scope, size - 1, depth)
        a = again()
        choice = random.random()
        easier = ["true", "false"]
        if choice < 0.5:
            word = random.choice(["=", "=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"])
            return Node("(", a, f" {word} ", again(), ")", smaller=easier)
        if choice < 0.62:
            return Node("(", a, random.choice([" IS NULL", " IS NOT NULL"]), ")", smaller=easier)
        if choice < 0.72:
            return Node("(", a, random.choice([" BETWEEN ", " NOT BETWEEN "]), again(), " AND ", again(), ")", smaller=easier)
        if choice < 0.84:
            values = ", ".join(random.choice([constant(random, letter)] * 8 + ["NULL"]) for _ in range(random.randrange(1, 5)))
            return Node("(", a, random.choice([" IN (", " NOT IN ("]), values, "))", smaller=easier)
        if choice < 0.92:
            pattern = random.choice(["'%a%'", "'a%'", "'%b'", "'_'", "'%'", "''", "'%!_%' ESCAPE '!'", "'10%'"])
            return Node("(", self.expression("S", scope, size - 1, depth), random.choice([" LIKE ", " NOT LIKE ", " ILIKE "]), pattern, ")", smaller=easier)
        if choice < 0.96:
            return Node("(", self.column("B", scope), random.choice([" IS TRUE", " IS NOT TRUE", " IS FALSE", " IS NOT FALSE"]), ")", smaller=easier)
        return Node(self.column("B", scope), smaller=easier)

    def subquery_condition(self, scope, depth):
        random = self.random
        letter = random.choice("IIST")
        inner, source = self.from_clause([scope], 1)
        condition = self.optional(" WHERE ", lambda: self.boolean(inner, 1, depth - 1), 0.8)
        easier = ["true", "false"]
        if random.random() < 0.4:
            return Node(random.choice(["EXISTS", "NOT EXISTS"]), " (SELECT 1 FROM ", source, condition, ")", smaller=easier)
        item = self.expression(letter, Scope(inner.columns, None, inner.outer if random.random() < 0.2 else []), 1, 0)
        query = Node("(SELECT ", item, " FROM ", source, condition, ")")
        operand = self.expression(letter, scope, 1, 0)
        word = random.choice(["IN", "IN", "NOT IN", "= ANY", "<> ALL", "< ANY", ">= ALL", "> ANY", "<= ALL", "<> ANY", "= ALL"])
        return Node("(", operand, f" {word} ", query, ")", smaller=easier)


def is_constant(value):
    return "." not in value or value[0] in "'-0123456789" or value.startswith(("DATE", "CAST(")) and "x" not in value
