"""Makes random changes through boto3, and recounts every list of usage, current and past, from what it did itself.

usage: recount.py ENDPOINT SEED; asserts, and prints what it has done.
"""

import datetime
import random
import sys
import time

import boto3

licences = boto3.client("license-manager", endpoint_url=sys.argv[1])
reeve = boto3.client("reeve", endpoint_url=sys.argv[1])
chance = random.Random(int(sys.argv[2]))

OWNERS = ["111122223333", "444455556666"]
RUNNING = {"EC2_INSTANCE": "running", "RDS": "available"}
POOL = [f"arn:aws:ec2:eu-west-1:{OWNERS[n % 2]}:instance/i-{n:04x}" for n in range(16)]
POOL += [f"arn:aws:rds:eu-west-1:{OWNERS[n % 2]}:db:db-{n}" for n in range(6)]
COLUMNS = {
    "resourceArn": lambda arn: arn,
    "resourceType": lambda arn: "RDS" if ":rds:" in arn else "EC2_INSTANCE",
    "resourceAccount": lambda arn: arn.split(":")[4],
}
OTHER_VALUES = ["", "x", "*", "%", "RD", "rds", "EC2_HOST", "11112222333", POOL[0][:-1], POOL[0] + "0"]


class Ledger:
    """What should be there: facts by ARN, what is associated, and the lists of all moments."""

    def __init__(self, arn):
        self.arn, self.facts, self.associated, self.past = arn, {}, set(), []

    def usage(self):
        return {arn: self.facts[arn][1] for arn in self.associated if self.facts[arn][0] != "stopped"}

    def change(self):
        """One random change, there and here."""
        known = sorted(self.facts)
        kind = chance.choice(["report", "associate", "associate", "remove"]) if known else "report"
        if kind == "report":
            new = {arn: (chance.choice([RUNNING[COLUMNS["resourceType"](arn)], "stopped"]), chance.randint(1, 9)) for arn in chance.sample(POOL, 4)}
            reeve.put_resources(
                Resources=[{"ResourceArn": arn, "Status": status, "VCpus": cpus} | database(arn) for arn, (status, cpus) in new.items()]
            )
            self.facts.update(new)
        elif kind == "remove":
            gone = chance.choice(known)
            reeve.delete_resources(ResourceArns=[gone])
            del self.facts[gone]
            self.associated.discard(gone)
        else:
            self.toggle(chance.choice(known))

    def toggle(self, resource):
        verb = "Remove" if resource in self.associated else "Add"
        licences.update_license_specifications_for_resource(
            ResourceArn=resource, **{verb + "LicenseSpecifications": [{"LicenseConfigurationArn": self.arn}]}
        )
        self.associated ^= {resource}

    def remember(self):
        """The moment between the last change and the next, in nanoseconds, and its list."""
        time.sleep(0.002)
        self.past.append((time.time_ns(), self.usage()))
        time.sleep(0.002)

    def after(self, moment):
        return next(usage for then, usage in self.past if then > moment)

    def check(self, want, moment=None):
        filters = {name: chance.choice([of(chance.choice(POOL)), chance.choice(OTHER_VALUES)]) for name, of in COLUMNS.items() if chance.random() < 0.25}
        want = {arn: used for arn, used in want.items() if all(COLUMNS[name](arn) == value for name, value in filters.items())}
        if moment is not None:
            filters["asOf"] = written(moment)
        got = self.walk(filters, chance.choice([None, 1, 2, 3, 50, 1000, 1001]))
        assert got == want, f"{filters}: got {got}, want {want}"

    def walk(self, filters, size):
        asked = {"LicenseConfigurationArn": self.arn, "Filters": [{"Name": n, "Values": [v]} for n, v in filters.items()]}
        asked |= {"MaxResults": size} if size else {}
        rows = {}
        while True:
            page = licences.list_usage_for_license_configuration(**asked)
            for row in page["LicenseConfigurationUsageList"]:
                assert row["ResourceArn"] not in rows, f"twice: {row}"
                rows[row["ResourceArn"]] = row["ConsumedLicenses"]
            if not page.get("NextToken"):
                return rows
            assert len(page["LicenseConfigurationUsageList"]) == size, "a page that is not the last is not full"
            asked["NextToken"] = page["NextToken"]


def database(arn):
    return {"EngineEdition": "oracle-ee"} if ":rds:" in arn else {}


def written(moment):
    """A moment in one of the forms that asOf takes."""
    seconds, fraction = divmod(moment, 10**9)
    zone = datetime.timezone(datetime.timedelta(minutes=chance.choice([-690, 0, 60, 330])))
    text = datetime.datetime.fromtimestamp(seconds, zone).isoformat()
    return chance.choice([f"{seconds}.{fraction:09d}", f"{text[:19]}.{fraction:09d}{text[19:].replace('+00:00', 'Z')}"])


def nanoseconds(text):
    """A moment as Reeve writes it, with six digits of a second."""
    return int(datetime.datetime.fromisoformat(text[:19] + "+00:00").timestamp()) * 10**9 + int(text[20:26]) * 1000


def main():
    start = time.time_ns()
    time.sleep(0.002)
    made = licences.create_license_configuration(Name="recounted", LicenseCountingType="vCPU")
    ledger = Ledger(made["LicenseConfigurationArn"])
    ledger.past.append((start, {}))
    for _ in range(60):
        ledger.change()
        ledger.check(ledger.usage())
        consumed = licences.get_license_configuration(LicenseConfigurationArn=ledger.arn)["ConsumedLicenses"]
        assert consumed == sum(ledger.usage().values()), f"ConsumedLicenses is {consumed}"
        ledger.remember()
        moment, usage = chance.choice(ledger.past)
        ledger.check(usage, moment)
    for moment, usage in ledger.past:
        ledger.check(usage, moment)
    revisions = reeve.list_revisions(LicenseConfigurationArn=ledger.arn, MaxResults=1000)["Revisions"]
    for revision in revisions:  # at each, and a nanosecond before
        moment = nanoseconds(revision["Time"])
        ledger.check(ledger.after(moment), moment)
        ledger.check([usage for then, usage in ledger.past if then < moment][-1], moment - 1)
    print(f"recounted {len(ledger.past)} moments and {len(revisions)} revisions")


main()
