#!/usr/bin/env python3
"""usage: verify_evidence.py FILE KEY

Verify a file of Reeve's evidence, as docs/evidence.md describes it. KEY is the verifier key of the newest
checkpoint, which you know from elsewhere: each checkpoint names the one before, so its signature covers all.
This needs Python 3.8 alone and shares no code with Reeve: two programs are harder to fool than one.
"""
import base64, hashlib, json, re, sys
TYPES = ["EC2_INSTANCE", "EC2_HOST", "EC2_AMI", "RDS", "SYSTEMS_MANAGER_MANAGED_INSTANCE"]
NOTE = re.compile(r"""(?P<origin>.+)\ncheckpoint\ (?P<number>[1-9]\d*)\ntime\ (?P<time>[-\d]{10}T[:\d]{8}\.\d{6}Z)\n
    ledgers\ (?P<ledgers>0|[1-9]\d*)\nrevisions\ (?P<revisions>0|[1-9]\d*)\nroot\ (?P<root>.{44})\nbefore\ (?P<before>-|.{44})\n
    (inventory\ (?P<seals>[1-9]\d*)\ (?P<seal>.{44})\n)?""", re.ASCII | re.VERBOSE)
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P

def check(good, what):
    if not good:
        raise ValueError(what)

def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()

def fields(*values):  # each behind its length
    return b"".join(b"%d:%s" % (len(v), v) for v in (v if isinstance(v, bytes) else str(v).encode() for v in values))

def unbase64(text):
    check(base64.b64encode(base64.b64decode(text)).decode() == text, "base64 in another form")
    return base64.b64decode(text)

def add(p, q):  # Ed25519, RFC 8032 section 5.1: points are (x, y, z, x*y/z)
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    return (b - a) * (d - c) % P, (d + c) * (b + a) % P, (d - c) * (d + c) % P, (b - a) * (b + a) % P

def multiply(n, p):
    rest = multiply(n // 2, add(p, p)) if n else (0, 1, 1, 0)
    return add(rest, p) if n & 1 else rest

def point(raw):
    y, sign = int.from_bytes(raw, "little") & 2**255 - 1, raw[31] >> 7
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    x = x if x * x % P == xx else x * pow(2, (P - 1) // 4, P) % P
    check(y < P and x * x % P == xx and (x or not sign), "no point of the curve")
    return (x, y, 1, x * y % P) if x & 1 == sign else (P - x, y, 1, -x * y % P)

BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))

def check_signature(note, key):  # key is NAME+HASH+KEY
    text, signatures = note.split("\n\n")
    name, hash, public = key.split("+", 2)
    found = re.search("^\u2014 %s (\\S+)$" % re.escape(name), signatures, re.MULTILINE)
    check(found, "it is not signed by your key")
    raw, public, number = unbase64(found[1]), unbase64(public), lambda digits: int.from_bytes(digits, "little")
    check(sha256(name.encode(), b"\n", public)[:4].hex() == hash == raw[:4].hex() and public[0] == 1, "it is not signed by your key")
    k = number(hashlib.sha512(raw[4:36] + public[1:] + text.encode() + b"\n").digest()) % L
    left, right = multiply(number(raw[36:]), BASE), add(point(raw[4:36]), multiply(k, point(public[1:])))
    check(number(raw[36:]) < L and (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0,
          "wrong signature")

def open_note(note):  # the members of a checkpoint
    text = note[:note.index("\n\n") + 1]
    c = dict(NOTE.fullmatch(text).groupdict(), text=text)
    return dict(c, root=unbase64(c["root"]), **{n: int(c[n] or 0) for n in ("number", "ledgers", "revisions", "seals")})

def root(leaves):  # RFC 6962, section 2.1
    k = 1 << max(len(leaves) - 1, 1).bit_length() - 1
    return sha256(b"\1", root(leaves[:k]), root(leaves[k:])) if len(leaves) > 1 else sha256() if not leaves else leaves[0]

def follow(c, last, changed, heads, named):  # wants a checkpoint to follow the last one and cover the heads
    before = base64.b64encode(sha256(last["text"].encode())).decode() if last["number"] else "-"
    check(c["origin"] == last["origin"] and c["number"] == last["number"] + 1 and c["before"] == before, "a checkpoint is missing")
    check(c["time"] > last["time"] and all(c[n] >= last[n] for n in ("ledgers", "revisions", "seals")), "it goes back")
    check(c["seals"] != last["seals"] or c["seal"] == last["seal"], "another inventory")
    for arn, number, hash in changed:
        check(number > heads.get(arn, (0, ""))[0] or (number, hash) == heads[arn], "a ledger goes back")
        heads[arn], named[arn, number] = (number, hash), hash
    leaves = [sha256(b"\0", fields("reeve ledger v1", a, n, bytes.fromhex(h))) for a, (n, h) in sorted(heads.items())]
    check((c["ledgers"], c["revisions"], c["root"]) == (len(heads), sum(n for n, _ in heads.values()), root(leaves)), "another root")

def follow_revision(r, arn, n, last, rows, sums, named):  # rows are what is open, sums the counters
    values = [v for pair in zip(r["consumed_by"], r["associated_by"]) for v in pair]
    hash = sha256(fields("reeve revision v1", arn, bytes.fromhex(last["hash"]), n, r["at"], r["recorded"], r["caller"], r["cause"],
                         r["consumed"], *values, r["terms_rev"], r.get("terms", ""), r["changes"])).hex()
    check(r["revision"] == n and r["hash"] == hash, "its hash does not match")
    check(named.get((arn, n), hash) == hash, "a checkpoint names another hash")
    check(r["at"] > last["at"] and r["terms_rev"] == (n if "terms" in r else last["terms_rev"]), "wrong time or terms")
    for kind, *place, type, more in (re.fullmatch(r"([ua][+-]) (\S+) (\S+) (\w+)(.*)", line).groups() for line in r["changes"].splitlines()):
        was, more = rows.pop((kind[0], *place), None), more.split(" ")[1:]
        check((was or kind[1] == "+") and len(more) == {"u+": 5, "a+": 7}.get(kind, 0), "a change that cannot be")
        if was:
            sums[kind[0]][was[0]] -= was[1]
        if kind[1] == "+":
            rows[(kind[0], *place)] = now = TYPES.index(type), int(more[2]) if kind == "u+" else int(more[2] != "affinity")
            sums[kind[0]][now[0]] += now[1]
    check([r["consumed"], r["consumed_by"], r["associated_by"]] == [sum(sums["u"]), sums["u"], sums["a"]], "wrong counters")

def verify(path, pinned):
    where, lines, heads, named = ["line 0"], enumerate(open(path, "rb"), 1), {}, {}
    def line(about=""):
        number, text = next(lines, (0, b"{}\n"))  # behind the last line there is nothing
        where[0], parsed = "line %d%s" % (number, about), json.loads(text)
        check(json.dumps(parsed, separators=(",", ":"), ensure_ascii=False).encode() + b"\n" == text, "not in the form that Reeve writes")
        return parsed
    try:
        last = dict(line(), number=0, time="", ledgers=0, revisions=0, seals=0, seal=None, text="")
        check(last["reeve_evidence"] == "v1" and "only" not in last, "no file of evidence with all ledgers of an account")
        now = line()
        while "key" in now:  # needed are these only by who has an older key
            now = line()
        while "checkpoint" in now:
            note, c = now["checkpoint"], open_note(now["checkpoint"])
            follow(c, last, now["ledgers"], heads, named)
            last, now = c, line()
        check_signature(note, pinned)
        for arn in sorted(heads):
            check(now == {"ledger": arn}, "the ledger %s should follow" % arn)
            before, rows, sums = dict(hash="", at=0, terms_rev=0), {}, {"u": [0] * 5, "a": [0] * 5}
            for n in range(1, heads[arn][0] + 1):
                now = line(", ledger %s, revision %d" % (arn, n))
                follow_revision(now, arn, n, before, rows, sums, named)
                before = now
            now = line()
        check(last["number"] and now == {}, "something is missing, or stands behind the end")
    except Exception as e:  # whatever a wrong line leads to
        sys.exit("%s: %s" % (where[0], e or "malformed"))
    print("good: %d ledgers of %s up to checkpoint %d of %s" % (len(heads), last["origin"], last["number"], last["time"]))

if __name__ == "__main__":
    verify(*sys.argv[1:]) if len(sys.argv) == 3 else sys.exit(__doc__)
