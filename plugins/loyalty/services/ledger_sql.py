"""The SQL of a movement: one statement, so that balance, tier, ledger and lots never disagree.

``$1`` tenant, ``$2`` kind, ``$3`` requested, ``$4`` reason, ``$5`` key, ``$6`` and ``$7`` codes and
thresholds of the tiers, ``$8`` the version that they must be, ``$9`` transfer, ``$10`` the entry
that is taken back. Each form begins with ``shares``, what becomes of which lot, and ``sums``, what
becomes of whose balance. The customers' rows are locked before: they are the lock of all the rest.
"""

# The lots are read in the order in which they end, and what never ends comes last; $13 names the
# entry whose own lot goes first.
_TAKE = """
WITH lots AS (
  SELECT l.id, l.customer_id, l.remaining, sum(l.remaining) OVER (
           ORDER BY coalesce(l.entry_id = $13::uuid, false) DESC, l.expires_at, l.created_at, l.id
         ) - l.remaining AS before
    FROM loyalty_lot l
   WHERE l.tenant_id = $1 AND l.customer_id = $11::uuid AND l.remaining > 0
     AND l.deleted_at IS NULL
), shares AS (
  SELECT id, customer_id, -least(remaining, $12::int8 - before) AS points
    FROM lots WHERE before < $12::int8
), sums AS (
  SELECT $11::uuid AS customer_id, coalesce(sum(points), 0)::int8 AS points FROM shares
  HAVING coalesce(sum(points), 0) = -$12::int8
),
"""
# What an entry took goes back where it came from; of a part of it, what ends last comes first.
_RETURN = """
WITH taken AS (
  SELECT p.lot_id AS id, p.customer_id, -p.points AS points, -sum(p.points) OVER (
           ORDER BY l.expires_at DESC, l.created_at DESC, l.id DESC
         ) + p.points AS before
    FROM loyalty_part p JOIN loyalty_lot l ON l.tenant_id = $1 AND l.id = p.lot_id
   WHERE p.tenant_id = $1 AND p.entry_id = $13::uuid AND p.customer_id = $11::uuid
), shares AS (
  SELECT id, customer_id, least(points, $12::int8 - before) AS points
    FROM taken WHERE before < $12::int8
), sums AS (
  SELECT $11::uuid AS customer_id, coalesce(sum(points), 0)::int8 AS points FROM shares
  HAVING coalesce(sum(points), 0) = $12::int8
),
"""
_EXPIRE = """
WITH shares AS (
  SELECT l.id, l.customer_id, -l.remaining AS points FROM loyalty_lot l
   WHERE l.tenant_id = $1 AND l.customer_id = ANY ($11::uuid[]) AND l.remaining > 0
     AND l.deleted_at IS NULL AND l.expires_at <= $12::timestamptz
), sums AS (
  SELECT customer_id, sum(points)::int8 AS points FROM shares GROUP BY customer_id
),
"""
# New lots: $12 points and $13 end of each; without an end they end in $14 months, or never.
_GIVE = """
WITH sums AS (
  SELECT $11::uuid AS customer_id, coalesce(sum(n.points), 0)::int8 AS points
    FROM unnest($12::int[]) AS n (points)
),
"""
# The ids stand there as a constant too: joined alone, a planner that knows a tenant as empty, as it
# does after a first import, reads all its customers once for each of them.
_MOVED = """
version AS (
  SELECT latest.number FROM (
    SELECT v.number, v.tiers FROM loyalty_tier_version v WHERE v.tenant_id = $1
     ORDER BY v.number DESC LIMIT 1) AS latest
   WHERE latest.tiers = $8::jsonb
), moved AS (
  UPDATE customers_customer c
     SET loyalty_points = c.loyalty_points + s.points,
         loyalty_tier = ($6::text[])[width_bucket(c.loyalty_points + s.points, $7::int8[])]
    FROM sums s, version v
   WHERE c.tenant_id = $1 AND c.id = ANY ({ids}) AND c.id = s.customer_id AND c.deleted_at IS NULL
     AND c.loyalty_points + s.points BETWEEN 0 AND 2147483647
  RETURNING c.id, s.points, c.loyalty_points AS balance, c.loyalty_tier AS tier,
            v.number AS version, clock_timestamp() AS at,
            (SELECT o.loyalty_tier FROM customers_customer o
              WHERE o.tenant_id = $1 AND o.id = c.id) AS before
), entry AS (
  INSERT INTO loyalty_entry (tenant_id, customer_id, kind, requested, points, balance_after, reason,
                             key, tier_before, tier_after, tier_version, transfer, reverses_id,
                             created_at, updated_at)
  SELECT $1, m.id, $2, coalesce($3::int, m.points), m.points, m.balance, $4, $5, m.before, m.tier,
         m.version, $9, $10::uuid, m.at, m.at FROM moved m
  RETURNING id, customer_id, requested, points, balance_after, tier_after, created_at
)
"""
_SHARED = """, changed AS (
  UPDATE loyalty_lot l SET remaining = l.remaining + s.points
    FROM shares s JOIN moved m ON m.id = s.customer_id WHERE l.tenant_id = $1 AND l.id = s.id
), parts AS (
  INSERT INTO loyalty_part (tenant_id, customer_id, entry_id, lot_id, points)
  SELECT $1, e.customer_id, e.id, s.id, s.points
    FROM shares s JOIN entry e ON e.customer_id = s.customer_id
)
"""
_OPENED = """, opened AS (
  INSERT INTO loyalty_lot (tenant_id, customer_id, entry_id, points, remaining, expires_at,
                           created_at)
  SELECT $1, e.customer_id, e.id, n.points, n.points,
         coalesce(n.ends, e.created_at + make_interval(months => $14::int)), e.created_at
    FROM entry e, unnest($12::int[], $13::timestamptz[]) AS n (points, ends)
)
"""
_ENTRY = """
SELECT e.id AS entry_id, e.customer_id, e.requested, e.points, e.balance_after AS balance,
       e.tier_after AS tier FROM entry e
"""
_SUMMED = "SELECT count(*) AS customers, coalesce(-sum(e.points), 0) AS points FROM entry e"

_OF_ONE = _MOVED.format(ids="ARRAY[$11::uuid]")
_OF_MANY = _MOVED.format(ids="$11::uuid[]")

TAKE = "".join((_TAKE, _OF_ONE, _SHARED, _ENTRY))
RETURN = "".join((_RETURN, _OF_ONE, _SHARED, _ENTRY))
GIVE = "".join((_GIVE, _OF_ONE, _OPENED, _ENTRY))
EXPIRE = "".join((_EXPIRE, _OF_MANY, _SHARED, _SUMMED))
