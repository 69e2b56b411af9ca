#!/usr/bin/env python3
"""usage: verify_evidence.py FILE KEY

Verify a file of Reeve's evidence, as docs/evidence.md describes it. KEY is the verifier key of the
newest checkpoint, which you know from elsewhere: each checkpoint names the one before, so its
signature covers all. This needs Python 3.8 alone, and shares no code with Reeve.
"""
import base64, collections, fileinput, functools, hashlib, json, re, sys

TYPES = ["EC2_INSTANCE", "EC2_HOST", "EC2_AMI", "RDS", "SYSTEMS_MANAGER_MANAGED_INSTANCE"]
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493  # Ed25519: RFC 8032, 5.1
D, I = -121665 * pow(121666, -1, P) % P, pow(2, (P - 1) // 4, P)
number = functools.partial(int.from_bytes, byteorder="little")

def check(good, what):
    if not good:
        raise ValueError(what)

def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()

def fields(*values):  # each behind its length
    values = [v if isinstance(v, bytes) else str(v).encode() for v in values]
    return b"".join(b"%d:%s" % (len(v), v) for v in values)

def add(p, q):  # points of the curve
    (a, b), (c, d), t = p, q, D * p[0] * p[1] * q[0] * q[1]
    return (a * d + b * c) * pow(1 + t, -1, P) % P, (b * d + a * c) * pow(1 - t, -1, P) % P

def multiply(n, p):
    rest = multiply(n // 2, add(p, p)) if n else (0, 1)
    return add(rest, p) if n % 2 else rest

def point(raw):
    y, sign = number(raw) % 2**255, raw[31] >> 7
    xx = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    roots = [pow(xx, (P + 3) // 8, P) * i % P for i in (1, -1, I, -I)]
    return next((x, y) for x in roots if x * x % P == xx and x % 2 == sign)

def check_signature(note, key):  # key is NAME+HASH+KEY
    text, signatures = note.split("\n\n")
    name, _, public = key.split("+", 2)
    line = re.search("^\u2014 %s (\\S+)$" % re.escape(name), signatures, re.MULTILINE)
    raw, public = base64.b64decode(line[1] if line else ""), base64.b64decode(public)
    check(raw[:4] == sha256(name.encode(), b"\n", public)[:4], "it is not signed by your key")
    k = number(hashlib.sha512(raw[4:36] + public[1:] + text.encode() + b"\n").digest()) % L
    s, base = number(raw[36:]), point(b"\x58" + b"\x66" * 31)
    right = add(point(raw[4:36]), multiply(k, point(public[1:])))
    check(multiply(s, base) == right and s < L, "wrong signature")
    check(base64.b64encode(raw).decode() == line[1], "base64 in another form")

def root(leaves):  # RFC 6962, section 2.1
    k = (1 << max(len(leaves) - 1, 0).bit_length()) // 2
    return sha256(b"\1", root(leaves[:k]), root(leaves[k:])) if k else [*leaves, sha256()][0]

def follow(last, note, changed, heads, named):  # the next checkpoint, which covers the heads
    text = note[:note.index("\n\n") + 1]
    c = dict((m.split(" ", 1) for m in ("origin " + text).splitlines()), note=note)
    c["hash"] = base64.b64encode(sha256(text.encode())).decode()
    c["seals"], c["seal"] = c.get("inventory", "0 -").split(" ")
    c.update((n, int(c[n])) for n in ("checkpoint", "ledgers", "revisions", "seals"))
    after = last["origin"], last["checkpoint"] + 1, last["hash"]
    check((c["origin"], c["checkpoint"], c["before"]) == after, "a checkpoint is missing")
    check(c["time"] > last["time"] and c["seals"] >= last["seals"], "it goes back")
    check(c["seals"] != last["seals"] or c["seal"] == last["seal"], "another inventory")
    for arn, n, hash in changed:
        check(n > heads.get(arn, [0])[0], "a ledger goes back")
        heads[arn], named[arn, n] = (n, bytes.fromhex(hash)), hash
    leaves = [sha256(b"\0", fields("reeve ledger v1", arn, *heads[arn])) for arn in sorted(heads)]
    covered = len(heads), sum(n for n, _ in heads.values()), root(leaves)
    check((c["ledgers"], c["revisions"], base64.b64decode(c["root"])) == covered, "another root")
    return c

def follow_revision(last, r, arn, n, rows, sums):  # rows are what is open, sums the counters
    data = fields("reeve revision v1", arn, bytes.fromhex(last["hash"]), n, r["at"], r["recorded"],
                  r["caller"], r["cause"], r["consumed"], *sum(zip(r["consumed_by"],
                  r["associated_by"]), ()), r["terms_rev"], r.get("terms", ""), r["changes"])
    check((r["revision"], r["hash"]) == (n, sha256(data).hex()), "its hash does not match")
    check(r["at"] > last["at"], "its time is not after that of the one before")
    check(r["terms_rev"] == (n if "terms" in r else last["terms_rev"]), "other terms")
    for line in r["changes"].split("\n")[:-1]:
        (kind, sign), owner, resource, type, *more = line.split(" ")
        place, opens = (kind, owner, resource), sign == "+"
        was, size = rows.pop(place) if place in rows or not opens else (type, 0)
        sums[kind, was] -= size
        if opens:
            rows[place] = type, int(more[2]) if kind == "u" else int(more[2] != "affinity")
            sums[kind, type] += rows[place][1]
    by = [[sums[kind, type] for type in TYPES] for kind in "ua"]
    check([r["consumed_by"], r["associated_by"], r["consumed"]] == by + [sum(by[0])], "wrong sums")

def read(path):  # each line, and None behind the last
    for text in fileinput.input([path], mode="rb"):
        again = json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)
        check(again.encode() + b"\n" == text, "not in the form that Reeve writes")
        yield json.loads(text)
    yield None

def verify(path, key):
    lines, heads, named, where = read(path), {}, {}, ""
    try:
        last = collections.defaultdict(int, next(lines), hash="-", time="", seal="-", note="")
        check(last["reeve_evidence"] == "v1" and "only" not in last, "not all of an account")
        now = next(line for line in lines if "key" not in line)  # for who has an older key
        while "checkpoint" in now:
            last, now = follow(last, now["checkpoint"], now["ledgers"], heads, named), next(lines)
        check_signature(last["note"], key)
        for arn in sorted(heads):
            check(now == {"ledger": arn}, "the ledger %s should follow" % arn)
            now, rows, sums = dict(hash="", at=0, terms_rev=0), {}, collections.Counter()
            for n in range(1, heads[arn][0] + 1):
                where, before, now = ", ledger %s, revision %d" % (arn, n), now, next(lines)
                follow_revision(before, now, arn, n, rows, sums)
                check(named.get((arn, n)) in (None, now["hash"]), "a checkpoint names another hash")
            where, now = "", next(lines)
        check(now is None, "something stands behind the end")
    except Exception as e:  # whatever a wrong line leads to
        sys.exit("line %d%s: %s" % (fileinput.lineno(), where, e or "malformed"))
    print("good:", len(heads), "ledgers up to checkpoint", last["checkpoint"], "of", last["time"])

verify(*sys.argv[1:]) if len(sys.argv) == 3 else sys.exit(__doc__)
