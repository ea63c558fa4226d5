"""sacctmgr: which accounts the user has, as `show assoc`, `show user` and `show qos` print it."""

from __future__ import annotations

from websight_tui.pocket.getopt_long import Options, table
from websight_tui.pocket.model import ACCOUNTS, QOS, VERSION, CommandError, Reply, Request
from websight_tui.pocket.scheduler import Scheduler

_TABLE = table(
    "associations/s help/h immediate/i noheader/n oneliner/o parsable/p parsable2/P quiet/Q readonly/r usage verbose/v "
    "version/V",
    "",
)
_OPTIONS = Options("sacctmgr", *_TABLE)
_DEFAULTS = {
    "assoc": ("Cluster", "Account", "User", "Partition", "Share", "MaxWall", "QOS", "Def QOS"),
    "user": ("User", "Def Acct", "Admin"),
    "qos": ("Name", "Priority", "MaxWall", "Flags"),
}
_TITLES = {
    "account": "Account",
    "cluster": "Cluster",
    "defaultaccount": "Def Acct",
    "defaultqos": "Def QOS",
    "flags": "Flags",
    "maxwall": "MaxWall",
    "name": "Name",
    "partition": "Partition",
    "priority": "Priority",
    "qos": "QOS",
    "share": "Share",
    "user": "User",
}


def run(scheduler: Scheduler, request: Request) -> Reply:
    """The sacctmgr command: `show assoc|user|qos` only; everything else needs an administrator."""
    found, words = _OPTIONS.parse(request.args)
    flags = {name for name, _ in found}
    if "version" in flags:
        return Reply(out=f"slurm-wlm {VERSION}\n")
    if words[:1] not in (["show"], ["list"]):
        raise CommandError("sacctmgr: error: Your user doesn't have privilege to perform this action\n")
    entity = next((e for e in _DEFAULTS if words[1:] and words[1].lower().startswith(e[:4])), "")
    if not entity:
        raise CommandError(f"sacctmgr: error: No valid entity in list command: {words[1] if words[1:] else ''}\n")
    options = dict(word.partition("=")[::2] for word in words[2:] if "=" in word)
    options = {key.lower(): value for key, value in options.items()}
    fields = options.get("format", "").split(",") if options.get("format") else list(_DEFAULTS[entity])
    rows = _rows(scheduler, entity, options, with_assoc="withassoc" in (word.lower() for word in words))
    titles = [_TITLES.get(f.strip().lower(), f.strip()) for f in fields]
    table_rows = [[row.get(title, "") for title in titles] for row in rows]
    lines = ([] if "noheader" in flags else [titles]) + table_rows
    if flags & {"parsable", "parsable2"}:
        end = "|" if "parsable" in flags else ""
        return Reply(out="".join("|".join(line) + end + "\n" for line in lines))
    text = ["".join(f"{cell[:10]:>10} " for cell in line) for line in lines]
    if "noheader" not in flags:
        text.insert(1, "---------- " * len(titles))
    return Reply(out="".join(f"{line}\n" for line in text))


def _rows(scheduler: Scheduler, entity: str, options: dict[str, str], with_assoc: bool) -> list[dict[str, str]]:
    user = scheduler.user.name
    if entity == "qos":
        return [{"Name": name, "Priority": "0"} for name in QOS]
    asked = options.get("user") or options.get("users") or options.get("name")
    if asked and user not in asked.split(","):
        return []
    if entity == "user" and not with_assoc:
        return [{"User": user, "Def Acct": ACCOUNTS[0], "Admin": "None"}]
    return [
        {
            "Cluster": scheduler.cluster.name,
            "Account": account,
            "User": user,
            "QOS": QOS[0],
            "Share": "1",
            "Def Acct": ACCOUNTS[0],
        }
        for account in ACCOUNTS
        if options.get("account") in (None, account)
    ]
