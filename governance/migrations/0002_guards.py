"""What the database itself refuses, whoever asks: page, API, task or SQL as the application's role.

Rows that are evidence cannot be edited or deleted. Moves follow governance/workflow.py (tests/governance/test_guards.py
compares them). Nothing widens without an applied request, and an applied request has all its signatures: in every slot
one by another person, on this revision and its digest. Who holds a role today is the services' question, not asked here.
"""

from typing import ClassVar

from django.db import migrations

INSERT_ONLY = (
    "contributor",
    "criterion",
    "departure",
    "measurement",
    "promise",
    "signature",
    "stage",
    "submission",
    "transition",
)
NEVER_DELETED = ("pilot", "expansionrequest", "grant")

FUNCTIONS = """
CREATE FUNCTION governance_insert_only() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    -- A person's own words in it may be erased, by the routine of audit/keeping/eraser.py alone.
    IF TG_OP = 'UPDATE' AND audit_is_erasing() THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION governance_signature_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE asked governance_expansionrequest;
BEGIN
    SELECT * INTO asked FROM governance_expansionrequest WHERE id = NEW.request_id;
    IF asked.requester_id = NEW.signer_id THEN
        RAISE EXCEPTION 'the requester cannot sign' USING ERRCODE = 'restrict_violation';
    END IF;
    IF EXISTS (SELECT 1 FROM governance_contributor c WHERE c.request_id = NEW.request_id AND c.person_id = NEW.signer_id) THEN
        RAISE EXCEPTION 'a contributor cannot sign' USING ERRCODE = 'restrict_violation';
    END IF;
    IF asked.kind = 'resume' AND EXISTS (SELECT 1 FROM governance_pilot p WHERE p.id = asked.pilot_id AND p.halted_by_id = NEW.signer_id) THEN
        RAISE EXCEPTION 'whoever stopped the pilot cannot sign its return' USING ERRCODE = 'restrict_violation';
    END IF;
    IF asked.state NOT IN ('submitted', 'in_review') OR asked.digest <> NEW.digest OR asked.revision <> NEW.revision THEN
        RAISE EXCEPTION 'this is not what waits for a signature' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM jsonb_array_elements(asked.policy -> 'slots') s WHERE s ->> 'name' = NEW.slot) THEN
        RAISE EXCEPTION 'the policy has no such slot' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION governance_request_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE slots bigint; people bigint;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'draft' THEN
            RAISE EXCEPTION 'a request begins as a draft' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.pilot_id, NEW.kind, NEW.light, NEW.requester_id, NEW.created_at)
       IS DISTINCT FROM (OLD.pilot_id, OLD.kind, OLD.light, OLD.requester_id, OLD.created_at) THEN
        RAISE EXCEPTION 'who asked for what is not edited' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state <> OLD.state AND NOT (OLD.state, NEW.state) IN (
        ('submitted', 'draft'), ('in_review', 'draft'), ('changes_requested', 'draft'),
        ('draft', 'submitted'),
        ('submitted', 'in_review'),
        ('submitted', 'approved'), ('in_review', 'approved'),
        ('submitted', 'changes_requested'), ('in_review', 'changes_requested'),
        ('submitted', 'rejected'), ('in_review', 'rejected'),
        ('draft', 'withdrawn'), ('submitted', 'withdrawn'), ('in_review', 'withdrawn'), ('changes_requested', 'withdrawn'),
        ('approved', 'revoked'),
        ('approved', 'applied')) THEN
        RAISE EXCEPTION 'a request does not go from % to %', OLD.state, NEW.state USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state <> 'draft' AND NEW.state <> 'draft' AND
       (NEW.stage_id, NEW.cohort, NEW.ceiling, NEW.ends_at, NEW.version_rule, NEW.version, NEW.recommendation, NEW.conditions,
        NEW.cause, NEW.fix, NEW.answers_id, NEW.base_version, NEW.policy, NEW.brief, NEW.digest, NEW.revision,
        NEW.submitted_at, NEW.expires_at)
       IS DISTINCT FROM
       (OLD.stage_id, OLD.cohort, OLD.ceiling, OLD.ends_at, OLD.version_rule, OLD.version, OLD.recommendation, OLD.conditions,
        OLD.cause, OLD.fix, OLD.answers_id, OLD.base_version, OLD.policy, OLD.brief, OLD.digest, OLD.revision,
        OLD.submitted_at, OLD.expires_at) THEN
        RAISE EXCEPTION 'what was submitted is not edited; it is revised' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state = 'draft' AND OLD.state <> 'draft' AND NEW.revision <= OLD.revision THEN
        RAISE EXCEPTION 'a revision has its own number' USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state = 'draft' AND NEW.state = 'submitted' AND (
           EXISTS (SELECT 1 FROM governance_signature s
                   WHERE s.request_id = NEW.id AND (s.digest = NEW.digest OR s.revision >= NEW.revision))
        OR EXISTS (SELECT 1 FROM governance_submission m
                   WHERE m.request_id = NEW.id AND (m.digest = NEW.digest OR m.revision >= NEW.revision))) THEN
        RAISE EXCEPTION 'every submission has a digest and a number of its own' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state IN ('approved', 'applied') AND OLD.state <> NEW.state THEN
        IF NOT EXISTS (SELECT 1 FROM governance_submission m
                       WHERE m.request_id = NEW.id AND m.revision = NEW.revision AND m.digest = NEW.digest) THEN
            RAISE EXCEPTION 'what was signed is not what was submitted' USING ERRCODE = 'restrict_violation';
        END IF;
        SELECT count(DISTINCT s.slot), count(DISTINCT s.signer_id) INTO slots, people FROM governance_signature s
        WHERE s.request_id = NEW.id AND s.revision = NEW.revision AND s.digest = NEW.digest AND s.decision = 'approve'
          AND EXISTS (SELECT 1 FROM jsonb_array_elements(NEW.policy -> 'slots') p WHERE p ->> 'name' = s.slot);
        IF coalesce(least(slots, people) < greatest(jsonb_array_length(NEW.policy -> 'slots'), 1), true) THEN
            RAISE EXCEPTION 'a signature is missing' USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION governance_pilot_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.condition <> 'proposed' OR NEW.stage_id IS NOT NULL THEN
            RAISE EXCEPTION 'a pilot begins as proposed' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.slug, NEW.system_id, NEW.unit_id) IS DISTINCT FROM (OLD.slug, OLD.system_id, OLD.unit_id) THEN
        RAISE EXCEPTION 'what a pilot is about is not edited' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.base_version < OLD.base_version OR NEW.eval_version < OLD.eval_version THEN
        RAISE EXCEPTION 'versions only grow' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.condition <> OLD.condition AND NOT (OLD.condition, NEW.condition) IN (
        ('proposed', 'ready'),
        ('ready', 'active'),
        ('active', 'held'),
        ('active', 'stopped'), ('held', 'stopped'),
        ('held', 'active'), ('stopped', 'active'),
        ('proposed', 'ended'), ('ready', 'ended'), ('active', 'ended'), ('held', 'ended'), ('stopped', 'ended')) THEN
        RAISE EXCEPTION 'a pilot does not go from % to %', OLD.condition, NEW.condition USING ERRCODE = 'restrict_violation';
    END IF;
    IF ((NEW.condition = 'active' AND OLD.condition <> 'active')
        OR NEW.stage_id IS DISTINCT FROM OLD.stage_id
        OR (NEW.ends_at > OLD.ends_at AND OLD.condition <> 'proposed'))
       AND NOT EXISTS (SELECT 1 FROM governance_expansionrequest r
                       WHERE r.pilot_id = NEW.id AND r.state = 'applied' AND r.stage_id = NEW.stage_id
                         AND r.kind = CASE WHEN OLD.condition IN ('held', 'stopped') THEN 'resume' ELSE 'widen' END
                         AND r.base_version = OLD.base_version AND NEW.base_version > OLD.base_version
                         AND NEW.ends_at <= greatest(OLD.ends_at, r.ends_at)) THEN
        RAISE EXCEPTION 'only an applied request widens a pilot' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION governance_grant_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.revoked_at IS NOT NULL OR NOT EXISTS (
            SELECT 1 FROM governance_expansionrequest r
            WHERE r.id = NEW.request_id AND r.state = 'applied' AND r.kind = 'widen' AND r.pilot_id = NEW.pilot_id
              AND r.stage_id = NEW.stage_id AND r.digest = NEW.digest AND r.ceiling = NEW.ceiling AND r.ends_at = NEW.ends_at
              AND r.version_rule = NEW.version_rule AND r.version = NEW.version
              AND r.brief #> '{people,listed}' = NEW.listed
              AND r.cohort -> 'units' = NEW.units AND r.cohort -> 'people' = NEW.people AND r.cohort -> 'excluded' = NEW.excluded) THEN
            RAISE EXCEPTION 'a grant is what an applied request says, and nothing else' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.revoked_at IS NOT NULL OR NEW.revoked_at IS NULL
       OR to_jsonb(NEW) - ARRAY['revoked_at', 'revoked_by_id', 'revoke_reason']
          <> to_jsonb(OLD) - ARRAY['revoked_at', 'revoked_by_id', 'revoke_reason'] THEN
        RAISE EXCEPTION 'a grant is only revoked, once' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""


def _trigger(table: str, name: str, when: str, function: str, each: str = "ROW") -> str:
    return (
        f"CREATE TRIGGER governance_{name} BEFORE {when} ON governance_{table} FOR EACH {each} EXECUTE FUNCTION {function}();\n"
        f"ALTER TABLE governance_{table} ENABLE ALWAYS TRIGGER governance_{name};\n"
    )


INSTALL = FUNCTIONS + "".join(
    [
        *(_trigger(table, "insert_only", "UPDATE OR DELETE", "governance_insert_only") for table in INSERT_ONLY),
        *(_trigger(table, "never_deleted", "DELETE", "governance_insert_only") for table in NEVER_DELETED),
        *(_trigger(table, "no_truncate", "TRUNCATE", "governance_insert_only", "STATEMENT") for table in (*INSERT_ONLY, *NEVER_DELETED)),
        _trigger("signature", "guard", "INSERT", "governance_signature_guard"),
        _trigger("expansionrequest", "guard", "INSERT OR UPDATE", "governance_request_guard"),
        _trigger("pilot", "guard", "INSERT OR UPDATE", "governance_pilot_guard"),
        _trigger("grant", "guard", "INSERT OR UPDATE", "governance_grant_guard"),
    ]
)

REMOVE = """
DROP FUNCTION governance_signature_guard() CASCADE;
DROP FUNCTION governance_request_guard() CASCADE;
DROP FUNCTION governance_pilot_guard() CASCADE;
DROP FUNCTION governance_grant_guard() CASCADE;
DROP FUNCTION governance_insert_only() CASCADE;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("governance", "0001_initial"), ("portal", "0001_initial"), ("audit", "0003_keeping")]

    operations: ClassVar = [migrations.RunSQL(INSTALL, REMOVE)]
