r"""From the rows of an entry to the leaf that stands for it, in SQL: the one rendering that sealing and verification share.

PostgreSQL writes strings in JSON exactly as canonical JSON wants them (letters unescaped, `\b \f \n \r \t`, `\u00xx`),
so the bytes need not leave the server to be hashed there or to be compared. tests/audit/test_leaves.py renders the same
leaves in Python, from the specification in docs/reference/log-format.md.

All of it is over `audit_entry e` left join `audit_payload p on p.entry_id = e.id`, and depends on no setting of the session.
"""

from __future__ import annotations

MOST_FIELDS = 256  # names of changed fields in a leaf; more are told by null
SALT_BYTES = 16

_LONG = "0001-01-01 00:00+00' and '9999-12-31 23:59:59.999999+00"
# The rendering of a year has four digits, so anything else must not look like one: -44 is not 44.
TIME = f"""case when e.at between '{_LONG}' then to_char(e.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    else extract(epoch from e.at)::text end"""


def _keyed(pad: str) -> str:
    """The salt as the key of HMAC-SHA256 (RFC 2104): filled up to 64 bytes and combined with `pad`, a byte in hexadecimal."""
    # Bytes know no exclusive or, bit strings do: a longer cast fills up with zeroes, and bit_send puts the length in front.
    return f"substring(bit_send(('x' || encode(p.salt, 'hex'))::bit(512) # x'{pad * 64}'), 5)"


# The commitment to the payload; of a salt that is not 16 bytes long nothing is said, for HMAC fills up short keys with zeroes.
COMMITMENT = f"encode(sha256({_keyed('5c')} || sha256({_keyed('36')} || convert_to(p.body, 'UTF8'))), 'hex')"
_C = f"""case when p.salt is null or p.body is null then 'null'
    when octet_length(p.salt) <> {SALT_BYTES} then '"salt of ' || octet_length(p.salt) || ' bytes"' else '"' || {COMMITMENT} || '"' end"""

# The canonical bytes of a leaf.
LEAF = f"""convert_to(
    '{{"action":' || to_json(e.action) || ',"actor":"p:' || e.actor || '","at":"' || {TIME} || '","c":' || {_C}
    || ',"fields":' || case when cardinality(e.fields) > {MOST_FIELDS} then 'null' else array_to_json(e.fields)::text end
    || ',"id":' || e.id || ',"k":' || to_json(e.data_class) || ',"model":' || to_json(e.model) || ',"obj":' || to_json(e.object)
    || ',"on":' || coalesce('"p:' || e.on_behalf || '"', 'null') || ',"prev":' || coalesce(e.prev::text, 'null')
    || ',"reason":' || to_json(e.reason_code) || ',"req":' || to_json(e.request_id) || ',"role":' || to_json(e.db_role)
    || ',"tx":' || e.xid || ',"v":1,"ver":' || coalesce(e.ver::text, 'null') || ',"via":' || to_json(e.channel) || '}}', 'UTF8')"""

# The same members for a reader who wants to know which one differs, whatever stands in the columns (also nothing at all).
MEMBERS = f"""json_build_object(
    'action', e.action, 'actor', 'p:' || e.actor, 'at', {TIME}, 'c', ({_C})::json,
    'fields', case when cardinality(e.fields) > {MOST_FIELDS} then null else array_to_json(e.fields) end,
    'id', e.id, 'k', e.data_class, 'model', e.model, 'obj', e.object, 'on', 'p:' || e.on_behalf, 'prev', e.prev,
    'reason', e.reason_code, 'req', e.request_id, 'role', e.db_role, 'tx', e.xid::text::numeric, 'v', 1, 'ver', e.ver, 'via', e.channel
)::text"""
