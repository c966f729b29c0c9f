"""`aftersales keys`: create, rotate, list and revoke API keys."""

import sys
from argparse import ArgumentParser, Namespace
from datetime import datetime, timedelta

from app.commands.database import on_database
from app.commands.place import add_data_dir
from app.core.auth import ApiKey
from app.core.call import EVERYTHING
from app.core.clock import system_clock
from app.core.faults import Fault
from app.core.ids import id_from, id_text
from app.core.language import Text
from app.core.personal import Tier
from app.services.keys import create_key, list_keys, revoke_key, rotate_key
from app.services.scopes import Scope

_PREFIX = "key"
_NO_SUCH_KEY = Text("没有该密钥，编号见 keys list", "there is no such key: `keys list` shows their ids")

_WRONG_KIND = Text(
    "网页用密钥请给出 --browser 与 --origin；其他密钥请给出 --scope",
    "a browser key takes --browser and --origin, any other --scope",
)


def configure(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser("create", help="print a new key, once (新建密钥，仅显示一次)")
    create.add_argument("--name", required=True, help="whose it is (名称)")
    create.add_argument("--scope", nargs="+", metavar="SCOPE", help=f"{', '.join(Scope)} or {EVERYTHING} (权限)")
    create.add_argument(
        "--browser", action="store_true", help="for a web page: it reaches the returns check alone (网页用密钥)"
    )
    create.add_argument(
        "--origin", nargs="+", metavar="ORIGIN", help="of the web shop, as in https://shop.example (网店来源)"
    )
    create.add_argument(
        "--address", nargs="+", metavar="NETWORK", help="it may be used from, as in 10.1.0.0/16 (网络地址限制)"
    )
    create.add_argument("--line", required=True, nargs="+", metavar="LINE", help=f"or {EVERYTHING} (经营线)")
    create.add_argument(
        "--tier", type=Tier, choices=list(Tier), default=Tier.GENERAL, help="who sees personal data (个人信息级别)"
    )
    create.add_argument("--days", type=int, default=365, help="1 to 365 (有效天数；默认 365)")
    create.add_argument(
        "--rate-factor", type=int, default=1, metavar="N", help="times the usual rate limits (限流倍数；默认 1)"
    )
    listing = actions.add_parser("list", help="list all keys (列出密钥)")
    revoke = actions.add_parser("revoke", help="end a key at once (撤销密钥)")
    revoke.add_argument("id", help="as `list` shows it: key_…")
    rotate = actions.add_parser("rotate", help="print a successor of a key, for the same client (轮换密钥)")
    rotate.add_argument("id", help="as `list` shows it: key_…")
    rotate.add_argument("--overlap-days", type=int, default=7, help="both are good for (新旧并用天数；至多 7)")
    for action in (create, rotate, listing, revoke):
        add_data_dir(action)


def run(options: Namespace) -> int:
    """Raises: Fault for an unknown scope, line or key."""
    return {"create": _create, "rotate": _rotate, "list": _list, "revoke": _revoke}[options.action](options)


def _create(options: Namespace) -> int:
    now = system_clock()
    if options.browser is (options.scope is not None) or options.browser is not (options.origin is not None):
        raise Fault(_WRONG_KIND)
    scopes, tier = ([str(Scope.RETURNS_CHECK)], Tier.PUBLIC) if options.browser else (options.scope, options.tier)
    try:
        key = on_database(
            options,
            lambda db: create_key(
                db, name=options.name, scopes=scopes, lines=options.line, tier=tier, now=now,
                lifetime=timedelta(days=options.days), origins=options.origin, addresses=options.address,
                rate_factor=options.rate_factor,
            ),
        )  # fmt: skip
    except ValueError as error:
        raise Fault(str(error)) from None
    print(key)
    return 0


def _rotate(options: Namespace) -> int:
    key, now = id_from(_PREFIX, options.id), system_clock()
    overlap = timedelta(days=options.overlap_days)
    try:
        fresh = key and on_database(options, lambda db: rotate_key(db, key, now, overlap=overlap))
    except ValueError as error:
        raise Fault(str(error)) from None
    if fresh is None:
        raise Fault(_NO_SUCH_KEY)
    print(fresh)
    return 0


def _list(options: Namespace) -> int:
    now = system_clock()
    found = on_database(options, list_keys)
    print("id\tname\tstate\tlines\tscopes\ttier", file=sys.stderr)  # beside what scripts read
    for key in found:
        lines, scopes = ",".join(key.business_lines), ",".join(key.scopes)
        print(
            "\t".join(
                (
                    id_text(_PREFIX, key.id),
                    key.name,
                    _state(key, now),
                    lines,
                    scopes,
                    key.tier,
                    *(key.origins or ()),
                    *(key.addresses or ()),
                )
            )
        )
    return 0


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return f"revoked {key.revoked_at:%Y-%m-%d}"
    return f"{'expired' if key.expires_at <= now else 'until'} {key.expires_at:%Y-%m-%d}"


def _revoke(options: Namespace) -> int:
    key = id_from(_PREFIX, options.id)
    now = system_clock()
    if key is None or not on_database(options, lambda db: revoke_key(db, key, now)):
        raise Fault(_NO_SUCH_KEY)
    return 0
