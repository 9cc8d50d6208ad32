"""The search index: one table of documents for all entities, and how words become lexemes.

A lexeme is ``<tenant no>.<entity no>[/<shelf no>][.<field>]:<term>``, so that the one index falls
apart by tenant, and by field where not everybody may see the field. A shelf holds about 25,000
documents that follow each other in time: the newest hits are found without reading the older ones.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

from core.schema.sql.tables import wall_sql

revision = "core_0005"
down_revision = "core_0004"

# What the triggers store and what people type become terms in the same way.
WORDS = """
CREATE FUNCTION crm_search_words(given text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT btrim(regexp_replace(crm_fold(left(given, 4000)), '[^[:alnum:]]+', ' ', 'g'))
$$
"""
ADDRESS = r"""
CREATE FUNCTION crm_search_address(given text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT btrim(crm_fold(left(given, 320)), E' !"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~')
$$
"""
# A lexeme has at most 2,046 bytes; only a long text can hold a longer word.
LONG = """
CREATE FUNCTION crm_search_long(words text, prefix text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT coalesce(array_to_tsvector(array_agg(DISTINCT prefix || left(word, 100))), '')
    FROM unnest(string_to_array(words, ' ')) AS word WHERE word <> ''
$$
"""
VECTOR = """
CREATE FUNCTION crm_search_vector(words text, prefix text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN octet_length(words) < 1900 THEN array_to_tsvector(array_remove(string_to_array(
    prefix || replace(words, ' ', ' ' || prefix), ' '), prefix))
    ELSE crm_search_long(words, prefix) END
$$
"""
# A number is found by its beginning, by its beginning without trunk zeros, and by its end (the
# index holds telephone numbers backwards as well, behind a tilde).
TERM = """
CREATE FUNCTION crm_search_term(word text, classes text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT '(' || string_agg(quote || class || ':' || form || quote || ':*', '|') || ')'
    FROM unnest(classes) AS class, (VALUES ('''')) AS quoted (quote), (
      SELECT left(word, 100) AS form
      UNION SELECT ltrim(word, '0') WHERE word ~ '^0+[1-9][0-9]*$'
      UNION SELECT '~' || reverse(word) WHERE word ~ '^[0-9]{4,}$') AS forms
$$
"""
# The condition as text, with SOH for <tenant no>.<entity no>/<shelf no>; null when there is no
# word. An address is one term; what looks like one telephone number is also taken as one.
TEMPLATE = r"""
CREATE FUNCTION crm_search_template(phrase text, classes text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  WITH given AS (
    SELECT crm_fold(left(translate(phrase, E'\x01', ' '), 200)) AS words,
           ARRAY(SELECT E'\x01' || class FROM unnest(classes) AS class) AS places
  ), piece AS (
    SELECT piece, piece ~ '[[:alnum:]].*@.*[[:alnum:]]' AS address, places
      FROM given, regexp_split_to_table(words, '\s+') AS piece
  ), term AS (
    SELECT crm_search_term(word, places) AS sql
      FROM piece, regexp_split_to_table(piece, '[^[:alnum:]]+') AS word
     WHERE NOT address AND word <> ''
    UNION ALL
    SELECT crm_search_term(
             replace(replace(crm_search_address(piece), '\', '\\'), '''', ''''''), places)
      FROM piece WHERE address
  ), number AS (
    SELECT crm_search_term(regexp_replace(words, '\(0\)|[^0-9]', '', 'g'), places) AS sql
      FROM given WHERE words ~ '^[0-9 +()./-]+$' AND words ~ '[0-9][^0-9]+[0-9]'
       AND length(regexp_replace(words, '[^0-9]', '', 'g')) BETWEEN 5 AND 20
  )
  SELECT concat_ws('|', (SELECT sql FROM number), (SELECT string_agg(sql, '&') FROM term))
   WHERE EXISTS (SELECT FROM term)
$$
"""
# Shelves from the newest on, ever more at a time: 1, 3, 9, 27. A frequent word is found on the
# first; a rare one takes few steps.
STEPS = r"""
CREATE FUNCTION crm_search_steps(tenant uuid, kind smallint, prefix text, template text)
RETURNS TABLE (step integer, condition tsquery) LANGUAGE sql STABLE ROWS 4 AS $$
  WITH shelf AS (
    SELECT '/' || number AS label, row_number() OVER (ORDER BY max(first_id::text) DESC) AS rank
      FROM core_search_shelf WHERE tenant_id = tenant AND entity = kind GROUP BY number
  ), every AS (
    SELECT label, rank FROM shelf
    UNION ALL SELECT '', (SELECT count(*) + 1 FROM shelf)
  )
  SELECT floor(ln(2 * rank - 1) / ln(3) + 1e-9)::integer,
         string_agg('(' || replace(template, E'\x01', prefix || label) || ')', '|')::tsquery
    FROM every GROUP BY 1 ORDER BY 1
$$
"""
FUNCTIONS = (
    ("crm_search_steps(uuid, smallint, text, text)", STEPS),
    ("crm_search_template(text, text[])", TEMPLATE),
    ("crm_search_term(text, text[])", TERM),
    ("crm_search_vector(text, text)", VECTOR),
    ("crm_search_long(text, text)", LONG),
    ("crm_search_address(text)", ADDRESS),
    ("crm_search_words(text)", WORDS),
)


def upgrade() -> None:
    """Make the index, the numbers of the entities and the shelves; nobody but the owner reads."""
    op.create_table(
        "core_search_entity",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="core_search_entity_pk"),
        sa.UniqueConstraint("number", name="core_search_entity_number_unique"),
    )
    op.create_table(
        "core_search_document",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("entity", sa.SmallInteger(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("tsv", TSVECTOR(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "entity", "record_id", name="core_search_document_pk"),
    )
    op.create_table(
        "core_search_shelf",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("entity", sa.SmallInteger(), nullable=False),
        sa.Column("first_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "entity", "first_id", name="core_search_shelf_pk"),
    )
    op.execute("CREATE INDEX core_search_document_tsv ON core_search_document USING gin (tsv)")
    op.execute("REVOKE ALL ON core_search_entity FROM PUBLIC")
    for table in ("core_search_document", "core_search_shelf"):
        for sql in wall_sql(table):
            op.execute(sql)
        op.execute(f"REVOKE ALL ON {table} FROM crm_app")
    for signature, sql in reversed(FUNCTIONS):
        op.execute(sql)
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")


def downgrade() -> None:
    """Drop the index with its functions."""
    for signature, _ in FUNCTIONS:
        op.execute(f"DROP FUNCTION {signature}")
    for table in ("core_search_shelf", "core_search_document", "core_search_entity"):
        op.drop_table(table)
