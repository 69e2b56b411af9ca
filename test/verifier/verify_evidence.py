#!/usr/bin/env python3
"""Verify a file of Reeve's evidence, as docs/evidence.md describes it.

usage: verify_evidence.py FILE KEY

KEY is a verifier key that you know from elsewhere. It needs Python 3.8 and
nothing else, and shares no code with Reeve: two programs that agree are harder
to fool than one. It is slow, some 20,000 revisions a second.
"""
import base64, hashlib, json, re, sys

TYPES = ["EC2_INSTANCE", "EC2_HOST", "EC2_AMI", "RDS", "SYSTEMS_MANAGER_MANAGED_INSTANCE"]


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def check(condition, what):
    if not condition:
        raise ValueError(what)


# Ed25519, RFC 8032 section 5.1: points are (x, y, z, x*y/z).
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(n, p):
    q = (0, 1, 1, 0)
    while n:
        if n & 1:
            q = add(q, p)
        n, p = n >> 1, add(p, p)
    return q


def point(raw):
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    check(y < P, "no point of the curve")
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    check((x * x - xx) % P == 0 and (x or not sign), "no point of the curve")
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519(public, message, signature):
    if len(signature) != 64:
        return False
    s = int.from_bytes(signature[32:], "little")
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    left, right = multiply(s, BASE), add(point(signature[:32]), multiply(k, point(public)))
    return s < L and all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))


def strict64(text):
    raw = base64.b64decode(text, validate=True)
    check(base64.b64encode(raw).decode() == text, "base64 in another form")
    return raw


class Key:
    """NAME+HASH+KEY: the hash is of the name, a line feed and the key's bytes."""

    def __init__(self, text):
        self.text, (self.name, hash8, key) = text, text.split("+", 2)
        raw = strict64(key)
        self.hash, self.public = sha256(self.name.encode(), b"\n", raw)[:4], raw[1:]
        check(raw[0] == 1 and len(raw) == 33 and self.hash.hex() == hash8, "no Ed25519 verifier key")

    def signed(self, text, signature):
        raw = strict64(signature)
        return raw[:4] == self.hash and ed25519(self.public, text.encode(), raw[4:])


def trust(lines, pinned):
    """The published keys with the times between which each signs."""
    keys, before = [], None
    for line in lines:
        text, since, old, new = line.split(" ")
        key = Key(text)
        statement = "reeve key succession\nold %s\nnew %s\nfrom %s\n" % (before.text if before else "-", text, since)
        check(before.signed(statement, old) if before else old == "-", "succession not signed by the old key")
        check(key.signed(statement, new), "succession not signed by the new key")
        if keys:
            keys[-1][2] = since
        keys.append([key, since, None])
        before = key
    check(any(key.text == pinned for key, _, _ in keys), "the file is not signed by your key, or one that it vouches for")
    return keys


def open_note(note, keys):
    """The seven lines of a checkpoint that one of the keys has signed in its time."""
    text, signatures = note.split("\n\n")
    text += "\n"
    names = ["", "checkpoint ", "time ", "ledgers ", "revisions ", "root ", "before "]
    lines = text.split("\n")
    check(len(lines) == 8 and all(l.startswith(n) for l, n in zip(lines, names)), "not a checkpoint")
    c = [l[len(n):] for l, n in zip(lines, names)]
    check(all(re.fullmatch("0|[1-9][0-9]*", c[i]) for i in (1, 3, 4)), "not a checkpoint")
    check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", c[2]), "not a checkpoint")
    check(signatures.endswith("\n"), "not a signed note")
    good = False
    for line in signatures[:-1].split("\n"):
        dash, name, signature = line.split(" ")
        check(dash == "\u2014" and len(strict64(signature)) > 4, "not a signed note")
        for key, since, until in keys:
            if key.name == name and c[0].rpartition("/")[0] == name and strict64(signature)[:4] == key.hash:
                check(key.signed(text, signature), "wrong signature")
                good = good or since <= c[2] and (until is None or c[2] < until)
    check(good, "not signed by a key in its time")
    return dict(text=text, origin=c[0], number=int(c[1]), time=c[2], ledgers=int(c[3]), revisions=int(c[4]),
                root=strict64(c[5]), before=c[6])


def fields(*values):
    data = [v if isinstance(v, bytes) else str(v).encode() for v in values]
    return b"".join(b"%d:%s" % (len(d), d) for d in data)


def leaf(arn, number, hash):
    return sha256(b"\0", fields("reeve ledger v1", arn, number, bytes.fromhex(hash)))


def root(leaves):
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1", root(leaves[:k]), root(leaves[k:]))


def climb(hash, i, n, path):
    """The root from leaf i of n: the last step of the path is nearest to it."""
    if n == 1:
        check(not path, "a proof of the wrong length")
        return hash
    check(path, "a proof of the wrong length")
    k = 1 << (n - 1).bit_length() - 1
    if i < k:
        return sha256(b"\1", climb(hash, i, k, path[:-1]), path[-1])
    return sha256(b"\1", path[-1], climb(hash, i - k, n - k, path[:-1]))


class Account:
    """What the checkpoints of a file say: heads, and the revisions that are named."""

    def __init__(self, header):
        self.origin, self.only = header["origin"], header.get("only")
        self.heads, self.leaves, self.named, self.last = {}, {}, {}, None

    def checkpoint(self, line, keys):
        c, last = open_note(line["checkpoint"], keys), self.last or dict(number=0, time="", ledgers=0, revisions=0)
        step = c["number"] - last["number"]
        check(c["origin"] == self.origin and (step == 1 or self.only and step > 1), "a checkpoint is missing or misplaced")
        check(c["time"] > last["time"] and c["ledgers"] >= last["ledgers"] and c["revisions"] >= last["revisions"], "it goes back")
        if c["number"] == 1:
            check(c["before"] == "-", "the first checkpoint names one before it")
        elif step == 1:
            check(strict64(c["before"]) == sha256(last["text"].encode()), "it does not name the checkpoint before it")
        for arn, number, hash in line["ledgers"] if not self.only else [line["ledger"]]:
            was = self.heads.get(arn, (0, ""))
            check(number > was[0] or (number, hash) == was, "a ledger goes back")
            self.heads[arn], self.leaves[arn] = (number, hash), leaf(arn, number, hash)
            self.named[arn, number] = hash
        if self.only:
            check(set(self.heads) == {self.only}, "another ledger")
            path = [bytes.fromhex(h) for h in line["proof"]]
            check(0 <= line["index"] < c["ledgers"], "a proof of the wrong place")
            check(climb(self.leaves[self.only], line["index"], c["ledgers"], path) == c["root"], "the proof leads to another root")
        else:
            check(c["ledgers"] == len(self.heads) and c["revisions"] == sum(n for n, _ in self.heads.values()), "other ledgers")
            check(root([self.leaves[arn] for arn in sorted(self.heads)]) == c["root"], "another root")
        self.last = c


class Ledger:
    def __init__(self, arn):
        self.arn, self.number, self.hash, self.at, self.terms = arn, 0, b"", 0, 0
        self.usage, self.associations = {}, {}
        self.consumed, self.associated = [0] * 5, [0] * 5

    def revision(self, r, named):
        n = self.number + 1
        check(r["revision"] == n, "it is missing")
        values = [v for pair in zip(r["consumed_by"], r["associated_by"]) for v in pair]
        self.hash = sha256(fields("reeve revision v1", self.arn, self.hash, n, r["at"], r["recorded"], r["caller"], r["cause"],
                                  r["consumed"], *values, r["terms_rev"], r.get("terms", ""), r["changes"]))
        check(self.hash.hex() == r["hash"], "its hash does not match")
        check(named.get((self.arn, n), r["hash"]) == r["hash"], "a checkpoint names another hash")
        check(r["at"] > self.at and r["terms_rev"] == (n if "terms" in r else self.terms), "wrong time or terms")
        check(r["changes"] == "" or r["changes"].endswith("\n"), "its last change is cut off")
        for line in r["changes"].split("\n")[:-1]:
            self.change(line.split(" "))
        check([r["consumed"], r["consumed_by"], r["associated_by"]] == [sum(self.consumed), self.consumed, self.associated], "wrong counters")
        self.number, self.at, self.terms = n, r["at"], r["terms_rev"]

    def change(self, words):
        head, place = words[0], (words[1], words[2])
        check(head in ("u+", "u-", "a+", "a-") and len(words) == {"u+": 9, "a+": 11}.get(head, 4), "a change that cannot be")
        rows, sums = (self.usage, self.consumed) if head[0] == "u" else (self.associations, self.associated)
        was = rows.pop(place, None)
        check(was or head[1] == "+", "it closes what is not open")
        if was:
            sums[was[0]] -= was[1]
        if head == "u+":
            rows[place] = TYPES.index(words[3]), int(words[6])
        elif head == "a+":
            rows[place] = TYPES.index(words[3]), int(words[6] != "affinity")
        if head[1] == "+":
            sums[TYPES.index(words[3])] += rows[place][1]


def verify(lines, pinned):
    account, keys, ledger, todo, number = None, [], None, None, 0
    for number, text in enumerate(lines, 1):
        where = "line %d" % number + (", ledger %s, revision %d" % (ledger.arn, ledger.number + 1) if ledger else "")
        try:
            check(text.endswith(b"\n"), "the last line is cut off")
            line = json.loads(text)
            check(json.dumps(line, separators=(",", ":"), ensure_ascii=False).encode() + b"\n" == text, "not in the form that Reeve writes")
            kind = next(iter(line))
            if number == 1:
                check(line["reeve_evidence"] == "v1", "no file of evidence")
                account = Account(line)
            elif kind == "key" and not account.last:
                keys.append(line["key"])
            elif kind == "checkpoint" and todo is None:
                if not account.last:
                    keys = trust(keys, pinned)
                account.checkpoint(line, keys)
            elif kind == "ledger":
                todo = sorted(account.heads) if todo is None else todo
                check(not ledger or ledger.number == account.heads[ledger.arn][0], "the ledger is cut off")
                check(line["ledger"] == todo.pop(0), "another ledger should follow")
                ledger = Ledger(line["ledger"])
            else:
                check(kind == "revision" and ledger and ledger.number < account.heads[ledger.arn][0], "this line cannot stand here")
                ledger.revision(line, account.named)
        except Exception as e:  # whatever a wrong line leads to
            sys.exit("%s: %s" % (where, e or "malformed"))
    check(account and account.last and (todo == [] or not account.heads), "the file is cut off")
    check(not ledger or ledger.number == account.heads[ledger.arn][0], "the last ledger is cut off")
    print("good: %d ledgers of %s up to checkpoint %d of %s" % (len(account.heads), account.origin, account.last["number"], account.last["time"]))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as file:
        try:
            verify(file, sys.argv[2])
        except ValueError as e:
            sys.exit(str(e))
